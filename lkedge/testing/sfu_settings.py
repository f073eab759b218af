# lkedge: pure
"""How the loop-back SFU behaves, and how it misbehaves when asked to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lkedge.testing.sfu_dynacast import DynacastTiming
from lkedge.testing.sfu_rtp import LossPattern


@dataclass(frozen=True, slots=True)
class SfuSettings:
    """The defaults are livekit-server's.

    port: 0 for any free one.
    auto_create: whether a join makes the room; else only `rooms` exist.
    ice_timeout_s: silence of the media path until the participant is asked to resume.
    cleanup_s: from then until it is removed.
    join_timeout_s: for becoming ACTIVE after the join.
    video_codecs: enabled for publishing.
    server_version: of the livekit-server it passes for; a client may expect of it what that one tells.
    """

    api_key: str = "devkey"
    api_secret: str = field(default="secretsecretsecretsecretsecretsecret", repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    auto_create: bool = True
    rooms: tuple[str, ...] = ()
    max_participants: int = 0
    ping_interval_s: int = 5
    ping_timeout_s: int = 15
    ice_timeout_s: float = 15.0
    cleanup_s: float = 5.0
    join_timeout_s: float = 60.0
    token_ttl_s: float = 600.0
    dynacast: DynacastTiming = DynacastTiming()
    video_codecs: tuple[str, ...] = ("vp8", "h264")
    server_version: str = "lkedge-loopback"


@dataclass(slots=True)
class Faults:
    """What goes wrong. May be changed at any time; each is read when it would happen.

    handshake_status: answer every WebSocket handshake with it (401, 404, 503, ...).
    first_message: sent instead of the join response; nonsense, or b"" for nothing at all.
    leave_first: (action, reason) sent instead of the join response.
    answer_delay_s: wait before an answer goes out.
    withheld_answers: so many answers never go out; counts down.
    candidate_delay_s: wait before our candidates are trickled; the first answer has none.
    rejected_mids: sections answered with port 0.
    refuse_track: the reason for a track's name, such as "NOT_ALLOWED"; None accepts.
    forgets_sessions: no resume succeeds.
    loss: RTP packets from the publisher that get lost.
    sends_feedback: off for a server without transport-wide feedback.
    """

    handshake_status: int | None = None
    first_message: bytes | str | None = None
    leave_first: tuple[str, str] | None = None
    answer_delay_s: float = 0.0
    withheld_answers: int = 0
    candidate_delay_s: float = 0.0
    rejected_mids: set[str] = field(default_factory=set)
    refuse_track: Callable[[str], str | None] = lambda _name: None
    forgets_sessions: bool = False
    loss: LossPattern | None = None
    sends_feedback: bool = True
