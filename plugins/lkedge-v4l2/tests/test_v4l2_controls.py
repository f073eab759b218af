from __future__ import annotations

import pytest
from fake_kernel import FakeCamera, FakeControl, FakeKernel, menu_control
from lkedge_v4l2 import videodev2_controls as v4l2
from lkedge_v4l2.control_values import control_name
from lkedge_v4l2.controls import DeviceControls
from lkedge_v4l2.device import Device

from lkedge.errors import SourceError
from lkedge.plugin.api import Control, ControlKind, ControlValue


def controls_of(*controls: FakeControl) -> DeviceControls:
    kernel = FakeKernel(FakeCamera({"YUYV": {(64, 48): [30]}}))
    kernel.controls = list(controls)
    return DeviceControls(Device("/dev/video0", kernel))


def test_a_number_is_read_with_its_range() -> None:
    (control,) = controls_of(FakeControl(1, "Gain", minimum=-8, maximum=8, step=2, default=4, value=-2)).read()

    assert control == Control("gain", ControlKind.INTEGER, -2, 4, minimum=-8, maximum=8, step=2)


def test_a_menu_has_the_names_of_what_the_device_has() -> None:
    (control,) = controls_of(menu_control(1)).read()

    assert control == Control("power_line", ControlKind.MENU, "50 Hz", "50 Hz", choices=("off", "50 Hz"))


def test_an_integer_menu_has_its_numbers() -> None:
    menu = FakeControl(1, "Link", v4l2.TYPE_INTEGER_MENU, 0, 1, menu={0: "297000000", 1: "486000000"}, default=1)
    controls = controls_of(menu)

    assert controls.read()[0].value == "486000000"
    controls.set("link", 297000000)
    assert menu.value == 0


def test_texts_and_switches() -> None:
    text = FakeControl(1, "Label", v4l2.TYPE_STRING, 0, 8, value=b"abc")
    switch = FakeControl(2, "Auto Focus", v4l2.TYPE_BOOLEAN, 0, 1, default=1)
    controls = controls_of(text, switch)

    assert [control.value for control in controls.read()] == ["abc", True]
    controls.set("label", "new")
    controls.set("auto_focus", False)
    assert (text.value, switch.value) == (b"new", 0)


def test_a_button_is_pressed() -> None:
    button = FakeControl(1, "Do It", v4l2.TYPE_BUTTON, 0, 0, flags=v4l2.FLAG_WRITE_ONLY)
    controls = controls_of(button)

    assert controls.read()[0].value is False
    controls.set("do_it", False)
    controls.set("do_it", True)
    assert button.writes == [1]


def test_a_bit_mask_has_no_sign() -> None:
    mask = FakeControl(1, "Mask", v4l2.TYPE_BITMASK, 0, -0x7FFFE000, step=0, default=-0x7FFFE000)
    controls = controls_of(mask)

    assert (controls.read()[0].value, controls.read()[0].maximum) == (0x80002000, 0x80002000)
    controls.set("mask", 0x80002000)
    assert mask.value == 0x80002000


def test_classes_and_disabled_controls_are_left_out() -> None:
    heading = FakeControl(1, "User Controls", v4l2.TYPE_CLASS, flags=v4l2.FLAG_READ_ONLY)
    assert controls_of(heading, FakeControl(2, "Gone", flags=v4l2.FLAG_DISABLED)).read() == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("gian", 1, "no control 'gian'; did you mean \"gain\""),
        ("zzzz", 1, "it has gain, power_line, auto, fixed, exposure"),
        ("gain", 256, "gain is 256, but must be a whole number from 0 to 255"),
        ("gain", 1.5, "must be a whole number"),
        ("gain", "high", "must be a whole number"),
        ("power_line", "60 Hz", 'must be one of "off", "50 Hz"'),
        ("power_line", 1, "must be one of"),
        ("auto", 3, "must be true or false"),
        ("fixed", 3, "fixed cannot be set"),
        ("exposure", 3, "an automatic mode has it now, switch that off first"),
    ],
)
def test_what_cannot_be_set_is_explained(name: str, value: ControlValue, words: str) -> None:
    controls = controls_of(
        FakeControl(1, "Gain"),
        menu_control(2),
        FakeControl(3, "Auto", v4l2.TYPE_BOOLEAN, 0, 1),
        FakeControl(4, "Fixed", flags=v4l2.FLAG_READ_ONLY),
        FakeControl(5, "Exposure", flags=v4l2.FLAG_INACTIVE),
    )

    with pytest.raises(SourceError, match=words):
        controls.set(name, value)


def test_switches_and_menus_are_set_before_numbers() -> None:
    order: list[str] = []

    class Recorded(FakeControl):
        def __setattr__(self, name: str, value: object) -> None:
            if name == "value" and value is not None:
                order.append(self.name)
            super().__setattr__(name, value)

    gain, auto = Recorded(1, "Gain"), Recorded(2, "Auto", v4l2.TYPE_BOOLEAN, 0, 1)
    controls_of(gain, auto).set_all({"gain": 3, "auto": False})

    assert order == ["Auto", "Gain"]


def test_a_device_without_controls_has_none() -> None:
    controls = controls_of()

    assert controls.read() == []
    assert controls.value(v4l2.CID_DV_RX_POWER_PRESENT) is None
    assert not controls.press(v4l2.CID_FORCE_KEY_FRAME)


@pytest.mark.parametrize(
    ("text", "name"),
    [("White Balance, Automatic", "white_balance_automatic"), ("Exposure (Absolute)", "exposure_absolute")],
)
def test_names_are_those_of_v4l2_ctl(text: str, name: str) -> None:
    assert control_name(text) == name
