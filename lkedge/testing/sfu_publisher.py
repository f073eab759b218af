"""The SFU's end of a publisher connection: its offers, our answers, the received media."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping

from lkedge.testing.sfu_answer import build_answer
from lkedge.testing.sfu_checks import AnnouncedTrack, offer_violations
from lkedge.testing.sfu_frames import ReceivedFrame
from lkedge.testing.sfu_media import SfuMedia
from lkedge.testing.sfu_sdp import Description, parse
from lkedge.testing.sfu_settings import Faults, SfuSettings
from lkedge.testing.sfu_stream import ReceivedStream
from lkedge.testing.sfu_transport import Gate, SfuTransport

logger = logging.getLogger(__name__)


class PublisherEnd:
    """Owned by one participant.

    on_connected: ICE and DTLS are up; also after each restart. on_stream, on_frame: media.
    """

    def __init__(
        self,
        settings: SfuSettings,
        faults: Faults,
        gate: Gate,
        now_ns: Callable[[], int],
        *,
        on_connected: Callable[[bool], None],
        on_stream: Callable[[ReceivedStream], None],
        on_frame: Callable[[ReceivedStream, ReceivedFrame], None],
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._now_ns = now_ns
        self._on_connected = on_connected
        self.media = SfuMedia(on_stream, on_frame)
        self.media.video_codecs = settings.video_codecs
        self.transport = SfuTransport(
            gate, host=settings.host, on_rtp=self._on_rtp, on_rtcp=self._on_rtcp, is_lost=self._is_lost
        )
        self.offers: list[Description] = []
        self.answers: list[str] = []
        self.violations: list[str] = []
        self._connecting: asyncio.Task[None] | None = None
        self._last_id = 0
        self._is_answering = False

    def check(self, offer: Description, offer_id: int, tracks: Mapping[str, AnnouncedTrack]) -> None:
        """Note what is wrong with an offer that just came."""
        if self._is_answering:
            self.violations.append(f"offer {offer_id} came before offer {self._last_id} was answered")
        if offer_id and offer_id <= self._last_id:
            self.violations.append(f"offer id {offer_id} came after {self._last_id}")
        self._last_id = offer_id
        previous = self.offers[-1] if self.offers else None
        self.violations += offer_violations(offer, previous, tracks)

    async def answer(self, text: str, offer_id: int, tracks: Mapping[str, AnnouncedTrack]) -> tuple[str, list[str]]:
        """(answer, candidates to trickle); begins to connect when the offer asks for it."""
        offer = parse(text)
        self.check(offer, offer_id, tracks)
        self._is_answering = True
        is_new = not self.offers or self.transport.is_restart(offer)
        local = await self.transport.prepare() if is_new else self.transport.local()
        self.offers.append(offer)
        self.media.describe(offer)
        shown = local if not is_new else type(local)(local.ufrag, local.pwd, local.fingerprint)
        answer = build_answer(
            offer,
            shown,
            rejected=self._faults.rejected_mids,
            video_codecs=self._settings.video_codecs,
            version=len(self.offers),
        )
        self.answers.append(answer)
        if is_new:
            self._connect(offer)
        return answer, list(local.candidates) if is_new else []

    def answered(self) -> None:
        """The answer went out; the next offer may come."""
        self._is_answering = False

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self.transport.close()

    def _connect(self, offer: Description) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        self._connecting = asyncio.create_task(self._connect_to(offer), name="sfu.connect")

    async def _connect_to(self, offer: Description) -> None:
        self._on_connected(await self.transport.connect(offer))

    def _on_rtp(self, data: bytes) -> list[bytes]:
        self.media.sends_feedback = self._faults.sends_feedback
        try:
            return self.media.receive_rtp(data, self._now_ns())
        except Exception as exc:
            # The DTLS task would end with it, and the test would only see a time-out.
            self.violations.append(f"the SFU failed on an RTP packet: {exc!r}")
            logger.exception("loop-back SFU: an RTP packet")
            return []

    def _is_lost(self, data: bytes) -> bool:
        self.media.loss = self._faults.loss
        return self.media.is_lost(data, self._now_ns())

    def _on_rtcp(self, data: bytes) -> None:
        self.media.receive_rtcp(data, self._now_ns())


def candidate_init(candidate: str, ufrag: str = "") -> str:
    """RTCIceCandidateInit as pion writes it."""
    return json.dumps(
        {"candidate": f"candidate:{candidate}", "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": ufrag or None}
    )


def candidate_text(init: str) -> str | None:
    """The candidate inside a RTCIceCandidateInit; None when it is none."""
    try:
        value = json.loads(init)
    except ValueError:
        return None
    return str(value.get("candidate") or "") if isinstance(value, dict) else None
