"""When sound runs, and when its device is released."""

from lkedge.clock import SECOND_NS
from lkedge.publish.audio_controller import FIRST_LISTENER_WAIT_NS, AudioController
from lkedge.terms import BitsPerSecond

IDLE_NS = 2 * SECOND_NS


def controller(*, dynacast: bool = True) -> AudioController:
    made = AudioController(BitsPerSecond(48_000), dynacast=dynacast, source_idle_after_ns=IDLE_NS)
    made.set_published(True)
    return made


def test_sound_runs_once_published() -> None:
    state = controller().plan(0)
    assert (state.active, state.capture, state.bitrate, state.reason) == (True, True, 48_000, "")


def test_sound_that_nobody_hears_stops_and_releases_its_device() -> None:
    made = controller()
    made.set_subscribed(False)
    assert made.plan(0).reason == "not subscribed"
    assert not made.plan(IDLE_NS).capture


def test_without_dynacast_it_goes_on() -> None:
    made = controller(dynacast=False)
    made.set_subscribed(False)
    assert made.plan(0).active


def test_mute_has_precedence() -> None:
    made = controller()
    made.set_subscribed(False)
    made.set_muted(True)
    assert made.plan(0).reason == "muted"


def test_a_limit_lowers_the_bitrate_and_is_lifted() -> None:
    made = controller()
    made.set_limit(max_bitrate=BitsPerSecond(24_000))
    assert made.plan(0).bitrate == 24_000
    made.set_limit()
    assert made.plan(0).bitrate == 48_000


def test_another_configured_bitrate_leaves_a_lower_limit() -> None:
    made = controller()
    made.set_limit(max_bitrate=BitsPerSecond(24_000))
    made.set_bitrate(BitsPerSecond(96_000))
    assert made.plan(0).bitrate == 24_000
    made.set_bitrate(BitsPerSecond(16_000))
    assert made.plan(0).bitrate == 16_000
    made.set_limit()
    assert made.plan(0).bitrate == 16_000


def test_sound_waits_a_while_for_its_first_listener() -> None:
    made = controller()
    made.expect_listeners(0)
    assert made.plan(0).active
    assert made.next_change_ns() == FIRST_LISTENER_WAIT_NS
    assert made.plan(FIRST_LISTENER_WAIT_NS).reason == "not subscribed"
    assert made.next_change_ns() == FIRST_LISTENER_WAIT_NS + IDLE_NS
    assert not made.plan(FIRST_LISTENER_WAIT_NS + IDLE_NS).capture
    assert made.next_change_ns() is None


def test_a_listener_within_the_wait_keeps_it_on() -> None:
    made = controller()
    made.expect_listeners(0)
    made.set_subscribed(True)
    assert (made.next_change_ns(), made.plan(2 * FIRST_LISTENER_WAIT_NS).active) == (None, True)
    assert made.is_heard


def test_a_wait_that_ends_while_muted_is_over() -> None:
    made = controller()
    made.expect_listeners(0)
    made.set_muted(True)
    assert made.plan(FIRST_LISTENER_WAIT_NS).reason == "muted"
    made.set_muted(False)
    assert made.plan(FIRST_LISTENER_WAIT_NS).reason == "not subscribed"


def test_another_publication_begins_anew() -> None:
    made = controller()
    made.expect_listeners(0)
    made.set_subscribed(False)
    made.set_published(False)
    made.set_published(True)
    assert made.plan(0).active
    assert not made.is_heard
