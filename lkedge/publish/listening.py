"""Whether anybody listens to a track of sound, and what keeps it well while nobody does.

A server calls the connection of a publisher bad, and later lost, when a track that is not
muted brings no packet for 5 s. So sound that pauses sends a packet of silence now and then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lkedge.clock import MILLISECOND_NS, Clock
from lkedge.media.frame import EncodedFrame
from lkedge.media.layers import NO_RID
from lkedge.publish.alarm import Alarm
from lkedge.publish.audio_track import AudioTrack
from lkedge.terms import Codec

if TYPE_CHECKING:
    from lkedge.publish.publication import Publication

SILENCE = b"\xf8\xff\xfe"
"""20 ms of silence in Opus, in one channel, for every decoder (RFC 6716, section 3.1)."""

SILENCE_INTERVAL_S = 2.0
"""Two of them in each of the server's windows of 5 s: one may be lost."""

SILENCE_AGE_NS = 200 * MILLISECOND_NS
"""Older than what a source delivers when it is wanted again: RTP timestamps only go forward."""


class Listening:
    """Belongs to one publication; of a picture it does nothing. Owned by the event loop."""

    def __init__(self, publication: Publication, clock: Clock) -> None:
        self._publication = publication
        self._clock = clock
        self._alarm = Alarm(self._send_silence)

    @property
    def is_expected(self) -> bool:
        """The server will say when somebody listens, and has not yet."""
        return self._is_told_of and not self._is_heard

    @property
    def is_stale(self) -> bool:
        """Somebody listened once; the server will not say when the last one went."""
        return self._is_told_of and self._is_heard

    def set_codecs(self, codecs: Mapping[str, bool]) -> None:
        """Take over a SubscribedAudioCodecUpdate: per codec, whether somebody wants it."""
        track = self._publication.track
        if isinstance(track, AudioTrack):
            track.controller.set_subscribed(any(codecs.values()))
            self._publication.refresh()

    def begin(self) -> None:
        """It is published from now on: whoever is there begins to listen, or nobody does."""
        track = self._publication.track
        if isinstance(track, AudioTrack) and self._is_told_of:
            track.controller.expect_listeners(self._clock.monotonic_ns())

    def keep_alive(self) -> None:
        """Begin or end to send silence. Call after every decision."""
        track = self._publication.track
        is_paused = isinstance(track, AudioTrack) and track.is_paused
        if not (is_paused and self._publication.attachment):
            self._alarm.cancel()
        elif not self._alarm.is_set:
            self._alarm.set(SILENCE_INTERVAL_S)

    @property
    def _is_told_of(self) -> bool:
        attachment = self._publication.attachment
        return attachment is not None and attachment.tells_listeners

    @property
    def _is_heard(self) -> bool:
        track = self._publication.track
        return isinstance(track, AudioTrack) and track.controller.is_heard

    def _send_silence(self) -> None:
        attachment = self._publication.attachment
        if attachment is not None:
            captured_ns = self._clock.monotonic_ns() - SILENCE_AGE_NS
            attachment.send(EncodedFrame(Codec.OPUS, NO_RID, SILENCE, captured_ns, has_voice=False))
        self.keep_alive()
