"""Which encoder of several candidates does a layer, as they fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from lkedge.clock import SECOND_NS
from lkedge.errors import EncoderError
from lkedge.journal import MessageId, event
from lkedge.plugin.api import AudioEncoder, EncoderRegistration, VideoEncoder
from lkedge.terms import Codec, Rid
from lkedge.worker.backoff import BackOff
from lkedge.worker.events import EncoderFailed, EncoderOpened
from lkedge.worker.sentence import describe

logger = logging.getLogger(__name__)

ATTEMPTS_PER_ENCODER = 2
"""Built, and rebuilt once; then it is the next one's turn."""

TRUSTED_AFTER_FRAMES = 300
"""An encoder that did so many frames may fail once more before the next one is tried."""

EncoderT = TypeVar("EncoderT", VideoEncoder, AudioEncoder)
Report = Callable[[EncoderOpened | EncoderFailed], None]


class EncoderChain(Generic[EncoderT]):
    """Holds the open encoder of one layer. Belongs to one thread.

    candidates: the best first. After the last has failed the chain waits, with back-off,
    and begins again with the first.
    """

    def __init__(self, rid: Rid, codec: Codec, candidates: Sequence[EncoderRegistration], report: Report) -> None:
        self._rid = rid
        self._codec = codec
        self._candidates = candidates
        self._report = report
        self._index = 0
        self._attempts = 0
        self._frames = 0
        self._retry_ns = 0
        self._back_off = BackOff()
        self.encoder: EncoderT | None = None

    def may_try(self, now_ns: int) -> bool:
        """False while it waits after all candidates have failed."""
        return now_ns >= self._retry_ns

    def open(self, build: Callable[[EncoderRegistration], EncoderT]) -> EncoderT:
        """The open encoder, built if there is none. Raises whatever building it raises."""
        if self.encoder is None:
            registration = self._usable_candidate()
            self.encoder = build(registration)
            self._frames = 0
            self._report(EncoderOpened(self._rid, registration.name))
        return self.encoder

    def succeeded(self) -> None:
        """It encoded one more frame."""
        self._frames += 1
        if self._frames == TRUSTED_AFTER_FRAMES:
            self._attempts = 0
            self._back_off.reset()

    def failed(self, error: Exception, now_ns: int) -> None:
        """Close it; then one more attempt, or the next candidate, or a pause after the last."""
        reason, name = describe(self._label(), error), self._name()
        self.close()
        self._attempts += 1
        if self._attempts < ATTEMPTS_PER_ENCODER:
            logger.warning("an encoder is rebuilt: %s", reason)
            return
        self._attempts = 0
        self._index += 1
        if self._index < len(self._candidates):
            extra = event(MessageId.ENCODER_REPLACED, rid=self._rid)
            logger.warning("encoder %s takes over: %s", self._name(), reason, extra=extra)
            return
        self._index = 0
        self._retry_ns = now_ns + round(self._back_off.next_s() * SECOND_NS)
        self._report(EncoderFailed(self._rid, name, reason))

    def close(self) -> None:
        """Release the encoder, if one is open."""
        encoder, self.encoder = self.encoder, None
        if encoder is None:
            return
        try:
            encoder.close()
        except Exception as error:
            logger.warning("an encoder failed while closing: %s", describe(self._label(), error))

    def _usable_candidate(self) -> EncoderRegistration:
        attempts, self._attempts = self._attempts, ATTEMPTS_PER_ENCODER
        if not self._candidates:
            raise EncoderError(f"no encoder for {self._codec.value} is installed; see `lkedge plugins`")
        registration = self._candidates[self._index]
        while reason := registration.is_usable():
            sentence = f"encoder {registration.name} is not usable here: {reason}"
            if self._index + 1 == len(self._candidates):
                raise EncoderError(sentence)
            logger.info("%s", sentence)
            self._index += 1
            registration = self._candidates[self._index]
        self._attempts = attempts
        return registration

    def _name(self) -> str:
        return self._candidates[self._index].name if self._candidates else ""

    def _label(self) -> str:
        name = self._name() or self._codec.value
        return f"encoder {name} of layer {self._rid}" if self._rid else f"encoder {name}"
