# lkedge: pure
"""The signalling protocol without input or output: bytes in, events out, requests to bytes.

One `SignalProtocol` lives as long as one WebSocket. It does what needs memory: it knows
who we are, so that updates about others stop here; it keeps the newest token; it keeps
the books of pings. What it cannot read it counts, and the shell warns once.

Liveness (livekit-wire.md, 8.5): a ping every `ping_interval_s`; any inbound message is a
sign of life; nothing for `ping_timeout_s` means that the WebSocket is dead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError

from lkedge.signaling import request_encoder, response_decoder
from lkedge.signaling.events import (
    ConnectionQualityChanged,
    Joined,
    OthersChanged,
    ParticipantUpdated,
    Resumed,
    SignalEvent,
    SpeakersChanged,
    TokenRefreshed,
)
from lkedge.signaling.participant import Participant, ParticipantState
from lkedge.signaling.requests import ResumeFrom, SignalRequest
from lkedge.signaling.schema import models, rtc
from lkedge.terms import ConnectionQuality

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000

_QUALITY_OF = {
    models.ConnectionQuality.POOR: ConnectionQuality.POOR,
    models.ConnectionQuality.GOOD: ConnectionQuality.GOOD,
    models.ConnectionQuality.EXCELLENT: ConnectionQuality.EXCELLENT,
    models.ConnectionQuality.LOST: ConnectionQuality.LOST,
}


class SignalProtocol:
    """State of one signalling connection. All times are CLOCK_MONOTONIC nanoseconds.

    Not thread-safe; owned by the client's loop.
    """

    def __init__(self, now_ns: int, resume: ResumeFrom | None = None) -> None:
        self.sid = resume.participant_sid if resume else ""
        """Our participant sid; empty until the join response."""
        self.identity = resume.identity if resume else ""
        self.token: str | None = None
        """The newest token that the server sent on this connection."""
        self.rtt_ms: int | None = None
        """Round trip of the last answered ping; None before the first."""
        self.ignored = 0
        """Well-formed messages that do not concern a publisher, or that we do not know."""
        self.unreadable = 0
        """Text frames and bytes that are no SignalResponse."""
        self._others: set[str] = set()
        self._others_told: int | None = None
        self._interval_ns = (resume.ping_interval_s if resume else 5) * SECOND_NS
        self._timeout_ns = (resume.ping_timeout_s if resume else 15) * SECOND_NS
        self._heard_ns = now_ns
        self._pinged_ns = now_ns

    @property
    def other_participants(self) -> int:
        """How many others are in the room, as far as we were told."""
        return len(self._others)

    def receive(self, data: bytes | str, now_ns: int) -> list[SignalEvent]:
        """Take one WebSocket message. Never raises, whatever it holds."""
        self._heard_ns = now_ns
        response = self._parse(data)
        if response is None:
            self.unreadable += 1
            return []
        kind = response.WhichOneof("message")
        events = self._events(kind, getattr(response, kind), now_ns) if kind else None
        if events is None:
            self.ignored += 1
            return []
        return events

    def encode(self, request: SignalRequest) -> bytes:
        """The binary WebSocket message for `request`."""
        return request_encoder.encode(request)

    def pings(self, now_ns: int) -> tuple[bytes, ...]:
        """The messages to send now, if a ping is due; both spellings."""
        if now_ns - self._pinged_ns < self._interval_ns:
            return ()
        self._pinged_ns = now_ns
        return request_encoder.ping(now_ns // MILLISECOND_NS, self.rtt_ms or 0)

    def is_silent(self, now_ns: int) -> bool:
        """Nothing at all was heard for the ping timeout: the connection is dead."""
        return now_ns - self._heard_ns >= self._timeout_ns

    def next_deadline_ns(self) -> int:
        """When `pings` or `is_silent` should be asked next."""
        return min(self._pinged_ns + self._interval_ns, self._heard_ns + self._timeout_ns)

    def _parse(self, data: bytes | str) -> rtc.SignalResponse | None:
        if isinstance(data, str):
            return None
        try:
            return rtc.SignalResponse.FromString(data)
        except DecodeError:
            return None

    def _events(self, kind: str, body: Any, now_ns: int) -> list[SignalEvent] | None:
        """None: not for us."""
        match kind:
            case "update":
                return self._participants(body.participants)
            case "connection_quality":
                return self._qualities(body.updates)
            case "speakers_changed":
                return self._speakers(body.speakers)
            case "pong_resp":
                return self._pong(body, now_ns)
            case "pong":
                return []
            case "room_moved":
                return self._moved(body)
        event = response_decoder.decode(kind, body)
        if event is None:
            return [] if kind == "request_response" else None
        self._remember(event, body, now_ns)
        return [event]

    def _remember(self, event: SignalEvent, body: Any, now_ns: int) -> None:
        if isinstance(event, Joined):
            self._become(event.participant)
            self._others = {other.sid for other in body.other_participants}
            self._others_told = event.other_participants
            self._interval_ns = event.ping_interval_s * SECOND_NS
            self._timeout_ns = event.ping_timeout_s * SECOND_NS
        elif isinstance(event, TokenRefreshed):
            self.token = event.token
        if isinstance(event, Joined | Resumed):
            self._pinged_ns = now_ns

    def _become(self, participant: Participant) -> None:
        self.sid = participant.sid
        self.identity = participant.identity

    def _participants(self, infos: Iterable[models.ParticipantInfo]) -> list[SignalEvent]:
        events: list[SignalEvent] = []
        for info in infos:
            participant = response_decoder.participant(info)
            if info.sid == self.sid:
                events.append(ParticipantUpdated(participant))
            elif info.identity != self.identity:
                self._count_other(participant)
        if len(self._others) != self._others_told:
            self._others_told = len(self._others)
            events.append(OthersChanged(len(self._others)))
        return events

    def _count_other(self, participant: Participant) -> None:
        if participant.state is ParticipantState.DISCONNECTED:
            self._others.discard(participant.sid)
        else:
            self._others.add(participant.sid)

    def _qualities(self, updates: Iterable[rtc.ConnectionQualityInfo]) -> list[SignalEvent]:
        return [
            ConnectionQualityChanged(_QUALITY_OF[update.quality], update.score)
            for update in updates
            if update.participant_sid == self.sid and update.quality in _QUALITY_OF
        ]

    def _speakers(self, speakers: Iterable[models.SpeakerInfo]) -> list[SignalEvent]:
        return [SpeakersChanged(speaker.level, speaker.active) for speaker in speakers if speaker.sid == self.sid]

    def _pong(self, pong: rtc.Pong, now_ns: int) -> list[SignalEvent]:
        rtt_ms = now_ns // MILLISECOND_NS - pong.last_ping_timestamp
        if 0 <= rtt_ms * MILLISECOND_NS <= self._timeout_ns:
            self.rtt_ms = rtt_ms
        return []

    def _moved(self, moved: rtc.RoomMovedResponse) -> list[SignalEvent]:
        """We were moved to another room: a new token, and a new participant sid."""
        participant = response_decoder.participant(moved.participant)
        self._become(participant)
        self._others = {other.sid for other in moved.other_participants}
        self._others_told = len(self._others)
        self.token = moved.token or self.token
        events: list[SignalEvent] = [ParticipantUpdated(participant), OthersChanged(len(self._others))]
        return [TokenRefreshed(moved.token), *events] if moved.token else events
