"""The way out: the only writer of RTP, paced, with transport-wide sequence numbers."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lkedge.clock import MILLISECOND_NS, SECOND_NS, Clock
from lkedge.congestion.pacer import DEFAULT_BURST_NS, DEFAULT_RATE, Pacer
from lkedge.rtp.history import SentLog, SentPacket, SentRun
from lkedge.rtp.packetizer import Flow, PacketGroup
from lkedge.terms import BitsPerSecond, Ssrc

TICK_NS = 5 * MILLISECOND_NS
"""A wake-up costs ten packets' work (aiortc.md, section 5.2): one per tick, with all that is due."""

Write = Callable[[bytes | bytearray], bool]
"""Protects and sends one RTP packet; False when it could not be sent. Does not change the buffer."""

WriteMany = Callable[[list[bytearray]], int]
"""As Write for several packets in order: how many were taken, from the front."""

_SEQUENCE = struct.Struct("!H")


@dataclass(slots=True)
class EgressCounters:
    """packets, bytes: RTP handed to the network, retransmissions included.
    unsent: packets the network did not take.
    dropped_frames, dropped_packets: thrown away after waiting too long.
    discarded: packets thrown away because their layer was turned off.
    """

    packets: int = 0
    bytes: int = 0
    unsent: int = 0
    dropped_frames: int = 0
    dropped_packets: int = 0
    discarded: int = 0


class Egress:
    """Sends packet groups of all streams of one transport. Used on the event loop.

    While nothing waits and the pacing rate allows, packets go out in the caller's stack;
    else one timer sends what is due.
    """

    def __init__(
        self,
        write: Write,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        write_many: WriteMany | None = None,
        on_sent: Callable[[SentRun], None] | None = None,
        on_dropped: Callable[[Ssrc], None] | None = None,
        rate: BitsPerSecond = DEFAULT_RATE,
        burst_ns: int = DEFAULT_BURST_NS,
    ) -> None:
        """
        Args:
            write_many: a faster way for the packets of a frame, where there is one.
            on_sent: gets every run of packets that has a transport-wide sequence number.
            on_dropped: gets the media SSRC of every frame dropped; its decoder needs a key frame.
        """
        self._write_many = write_many or partial(_write_singly, write)
        self._loop = loop
        self._clock = clock
        self._on_sent = on_sent
        self._on_dropped = on_dropped
        self._pacer = Pacer(rate, burst_ns)
        self._log = SentLog()
        self._next_transport_sequence = 1
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self.counters = EgressCounters()

    def send(self, group: PacketGroup) -> None:
        """Send the packets, now or as soon as the pacing rate allows; ignored when closed."""
        if self._is_closed or not group.packets:
            return
        now_ns = self._clock.monotonic_ns()
        if self._pacer.admit(group, now_ns):
            self._send_packets(group.flow, group.packets, now_ns)
            return
        self._pacer.push(group, now_ns)
        self._release(now_ns)

    def discard(self, ssrc: Ssrc) -> int:
        """Drop what waits of a media SSRC and was not begun, with its retransmissions.

        Returns:
            The number of packets dropped.
        """
        count = self._pacer.discard(ssrc)
        self.counters.discarded += count
        return count

    def set_rate(self, rate: BitsPerSecond) -> None:
        """Set the pacing rate, in bits per second on the wire."""
        self._pacer.set_rate(rate, self._clock.monotonic_ns())

    @property
    def waiting_bytes(self) -> int:
        """RTP bytes in the pacer."""
        return self._pacer.waiting_bytes

    def sent_packet(self, transport_sequence: int) -> SentPacket | None:
        """What was sent under a transport-wide number (16 bit or not) in the last two seconds."""
        return self._log.find(transport_sequence)

    def close(self) -> None:
        """Send nothing more and forget what waits. Any number of times."""
        self._is_closed = True
        self._pacer.clear()
        self._cancel_timer()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        now_ns = self._clock.monotonic_ns()
        for group in self._pacer.drop_stale(now_ns):
            self._note_dropped(group)
        self._release(now_ns)

    def _note_dropped(self, group: PacketGroup) -> None:
        self.counters.dropped_frames += 1
        self.counters.dropped_packets += len(group.packets)
        if self._on_dropped is not None:
            self._on_dropped(group.flow.media_ssrc)

    def _release(self, now_ns: int) -> None:
        for group, start, stop in self._pacer.pop(now_ns):
            self._send_packets(group.flow, group.packets[start:stop], now_ns)
        deadline_ns = self._pacer.next_deadline(now_ns)
        if deadline_ns is not None and self._timer is None:
            delay_ns = max(TICK_NS, deadline_ns - now_ns)
            self._timer = self._loop.call_later(delay_ns / SECOND_NS, self._tick)

    def _send_packets(self, flow: Flow, packets: list[bytearray], now_ns: int) -> None:
        offset = flow.transport_cc_offset
        if offset:
            self._stamp(packets, offset)
        taken = self._write_many(packets)
        sizes = list(map(len, packets if taken == len(packets) else packets[:taken]))
        counters = self.counters
        counters.packets += len(sizes)
        counters.bytes += sum(sizes)
        counters.unsent += len(packets) - len(sizes)
        if offset and sizes:
            self._note_sent(flow, sizes, now_ns)

    def _stamp(self, packets: list[bytearray], offset: int) -> None:
        """Write the next transport-wide numbers; those of packets not taken are used again."""
        pack_into = _SEQUENCE.pack_into
        number = self._next_transport_sequence
        for packet in packets:
            pack_into(packet, offset, number & 0xFFFF)
            number += 1

    def _note_sent(self, flow: Flow, sizes: list[int], now_ns: int) -> None:
        run = SentRun(self._next_transport_sequence, now_ns, flow, sizes)
        self._next_transport_sequence += len(sizes)
        self._log.add(run)
        if self._on_sent is not None:
            self._on_sent(run)


def _write_singly(write: Write, packets: list[bytearray]) -> int:
    """Stops at the first packet not taken: a socket that is full stays so for a while."""
    for taken, packet in enumerate(packets):
        if not write(packet):
            return taken
    return len(packets)
