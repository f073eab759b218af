"""Which layers run, why not, and when the source is released."""

import pytest

from lkedge.clock import SECOND_NS
from lkedge.media.layers import LayerPlan, VideoEncoding, simulcast_ladder, single_layer
from lkedge.publish.layer_controller import LayerController, LayerLimit
from lkedge.terms import BitsPerSecond, Rid, VideoQuality

IDLE_NS = 2 * SECOND_NS
LOW, MEDIUM, HIGH = VideoQuality
ENCODING = VideoEncoding(BitsPerSecond(1_700_000), 30)


def controller(*, simulcast: bool = True, dynacast: bool = True, published: bool = True) -> LayerController:
    layers = simulcast_ladder(1280, 720, ENCODING) if simulcast else single_layer(1280, 720, ENCODING)
    made = LayerController(layers, dynacast=dynacast, source_idle_after_ns=IDLE_NS)
    made.set_published(published)
    return made


def wanted(*, low: bool, medium: bool, high: bool) -> dict[VideoQuality, bool]:
    return {LOW: low, MEDIUM: medium, HIGH: high}


def reasons(plan: LayerPlan) -> dict[str, str]:
    return {state.rid: state.reason for state in plan.layers}


def active(plan: LayerPlan) -> str:
    return "".join(state.rid or "-" for state in plan.layers if state.active)


def test_all_layers_run_until_the_server_says_otherwise() -> None:
    assert active(controller().plan(0)) == "qhf"


@pytest.mark.parametrize(
    ("low", "medium", "high", "expected"),
    [(True, True, True, "qhf"), (True, True, False, "qh"), (True, False, False, "q"), (False, False, False, "")],
)
def test_a_layer_runs_when_its_quality_is_wanted(low: bool, medium: bool, high: bool, expected: str) -> None:
    made = controller()
    made.set_subscribed(wanted(low=low, medium=medium, high=high))
    assert active(made.plan(0)) == expected


def test_a_layer_that_nobody_wants_says_so() -> None:
    made = controller()
    made.set_subscribed(wanted(low=True, medium=False, high=False))
    assert reasons(made.plan(0)) == {"q": "", "h": "not subscribed", "f": "not subscribed"}


def test_without_dynacast_updates_are_ignored() -> None:
    made = controller(dynacast=False)
    made.set_subscribed(wanted(low=False, medium=False, high=False))
    assert active(made.plan(0)) == "qhf"


def test_a_track_without_rids_runs_when_any_quality_is_wanted() -> None:
    made = controller(simulcast=False)
    made.set_subscribed(wanted(low=True, medium=False, high=False))
    assert active(made.plan(0)) == "-"


def test_nothing_runs_before_the_track_is_published() -> None:
    assert reasons(controller(published=False).plan(0)) == dict.fromkeys("qhf", "not published")


def test_mute_stops_every_layer() -> None:
    made = controller()
    made.set_muted(True)
    assert reasons(made.plan(0)) == dict.fromkeys("qhf", "muted")


def test_the_source_stays_open_for_the_idle_time() -> None:
    made = controller()
    made.set_subscribed(wanted(low=False, medium=False, high=False))
    assert made.plan(0).capture
    assert made.next_change_ns() == IDLE_NS
    assert made.plan(IDLE_NS - 1).capture
    assert not made.plan(IDLE_NS).capture
    assert made.next_change_ns() is None


def test_the_source_comes_back_with_the_first_wanted_layer() -> None:
    made = controller()
    made.set_subscribed(wanted(low=False, medium=False, high=False))
    made.plan(0)
    made.plan(IDLE_NS)
    made.set_subscribed(wanted(low=True, medium=False, high=False))
    plan = made.plan(IDLE_NS + 1)
    assert plan.capture
    assert active(plan) == "q"


def test_a_short_pause_does_not_release_the_source() -> None:
    made = controller()
    made.set_muted(True)
    made.plan(0)
    made.set_muted(False)
    made.plan(SECOND_NS)
    made.set_muted(True)
    assert made.plan(IDLE_NS).capture
    assert made.next_change_ns() == IDLE_NS + IDLE_NS


def test_a_source_waiting_for_the_room_is_not_released() -> None:
    made = controller(published=False)
    made.plan(0)
    assert made.next_change_ns() is None
    assert made.plan(100 * SECOND_NS).capture


def test_a_long_absence_of_the_room_releases_the_source() -> None:
    made = controller()
    made.set_published(False)
    made.plan(0)
    made.set_connected(False)
    plan = made.plan(30 * SECOND_NS)
    assert not plan.capture
    assert reasons(plan) == dict.fromkeys("qhf", "not connected")


def test_a_new_publication_forgets_what_the_old_room_wanted() -> None:
    made = controller()
    made.set_subscribed(wanted(low=False, medium=False, high=False))
    made.set_published(False)
    made.set_published(True)
    assert active(made.plan(0)) == "qhf"


def test_limits_lower_but_never_raise() -> None:
    made = controller()
    made.set_limit(Rid("f"), LayerLimit(max_bitrate=BitsPerSecond(800_000), max_framerate=60))
    top = made.plan(0).layers[-1]
    assert (top.bitrate, top.framerate) == (800_000, 30)


def test_a_layer_can_be_turned_off() -> None:
    made = controller()
    made.set_limit(Rid("f"), LayerLimit(is_enabled=False))
    assert reasons(made.plan(0)) == {"q": "", "h": "", "f": "turned off"}
