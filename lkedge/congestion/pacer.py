# lkedge: pure
"""Spreads packets over time, the urgent ones first.

A debt pacer: what is sent makes a debt that drains at the pacing rate, and packets may leave
while the debt is below the burst allowance. The debt is kept as the instant at which it will be
drained, so the passing of time needs no bookkeeping, and a quiet time leaves no credit behind.

Audio never waits, but its bytes count. Then come retransmissions, then video. Of one picture the
lowest layer goes first: the cheapest to keep alive, and the one every viewer can fall back on. It
does not overtake earlier pictures: the server refuses to switch to a layer that is more than 50 ms
behind the one that it forwards (livekit-server, sfu/forwarder.go, processSourceSwitch), and asks for
another key frame a second later. Packets of one SSRC never overtake each other.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from lkedge.clock import MILLISECOND_NS, SECOND_NS
from lkedge.rtp.packetizer import PacketGroup, PacketKind
from lkedge.terms import BitsPerSecond, Ssrc

DEFAULT_RATE = BitsPerSecond(20_000_000)
"""Until somebody sets one: three 1080p layers twice over."""

DEFAULT_BURST_NS = 40 * MILLISECOND_NS
"""As libwebrtc: the frames of one picture leave at once, and only key frames are spread. With 10 ms most
frames wait for the timer, which makes 10 to 15 ms between capture and decode."""

MAX_DEBT_NS = 500 * MILLISECOND_NS
QUEUE_LIMIT_NS = 400 * MILLISECOND_NS

OVERHEAD_BYTES = 16 + 28
"""SRTP tag, UDP and IPv4 headers of every packet."""

LEAD_NS = 10 * MILLISECOND_NS
"""By which a layer may come later than the next higher one and still leave first: less than from picture
to picture, and more than between the layers of one picture."""

Run = tuple[PacketGroup, int, int]
"""Packets of one group that may leave now: group, start, stop stand for group.packets[start:stop]."""

_Waiting = tuple[int, int, int, int, PacketGroup]
"""Kind, time of arrival by which it is ranked, number of arrival (unique, so groups are never compared),
time of arrival, group."""


class Pacer:
    """Decides when packets leave. Owned by one caller, who gives the time.

    dropped_groups, dropped_packets: thrown away unsent after waiting too long.
    waiting_bytes: RTP bytes queued.
    """

    def __init__(self, rate: BitsPerSecond = DEFAULT_RATE, burst_ns: int = DEFAULT_BURST_NS) -> None:
        """burst_ns: how much may be sent at once, as time at the pacing rate."""
        self._rate = rate
        self._burst_ns = burst_ns
        self._drained_ns = 0
        self._queue: list[_Waiting] = []
        self._urgent: list[PacketGroup] = []
        self._arrivals = 0
        self.waiting_bytes = 0
        self.dropped_groups = 0
        self.dropped_packets = 0

    def __len__(self) -> int:
        """Groups waiting, the one being sent included."""
        return len(self._queue)

    def set_rate(self, rate: BitsPerSecond, now_ns: int) -> None:
        """Change the pacing rate; the bytes owed stay the same. Below 1 bit/s it means 1."""
        rate = BitsPerSecond(max(1, rate))
        debt_ns = max(0, self._drained_ns - now_ns)
        self._drained_ns = now_ns + min(MAX_DEBT_NS, debt_ns * self._rate // rate)
        self._rate = rate

    def admit(self, group: PacketGroup, now_ns: int) -> bool:
        """Whether the whole group may leave now, before anything else; it then counts as released.

        The short way for nearly every frame: nothing waits, and it fits into the burst.
        False: `push` it.
        """
        if self._queue or self._urgent:
            return False
        count = len(group.packets)
        begin_ns = self._drained_ns if self._drained_ns > now_ns else now_ns
        end_ns = begin_ns + (group.size + OVERHEAD_BYTES * count) * 8 * SECOND_NS // self._rate
        if end_ns > now_ns + self._burst_ns:
            return False
        self._drained_ns = end_ns
        group.released = count
        return True

    def push(self, group: PacketGroup, now_ns: int) -> None:
        """Queue a group where it belongs; call `pop` next."""
        if group.flow.kind is PacketKind.AUDIO:
            self._urgent.append(group)
            return
        ranked_ns = now_ns + group.flow.layer * LEAD_NS
        self._arrivals += 1
        heappush(self._queue, (group.flow.kind, ranked_ns, self._arrivals, now_ns, group))
        self.waiting_bytes += group.size

    def pop(self, now_ns: int) -> list[Run]:
        """What is to be sent now, in this order. Groups in it count as released."""
        runs: list[Run] = []
        if self._urgent:
            self._take_urgent(runs, now_ns)
        if self._queue:
            self._take_due(runs, now_ns)
        return runs

    def _take_urgent(self, runs: list[Run], now_ns: int) -> None:
        for group in self._urgent:
            group.released = len(group.packets)
            runs.append((group, 0, group.released))
            self._owe(group.size + OVERHEAD_BYTES * group.released, now_ns)
        self._urgent.clear()

    def _owe(self, size: int, now_ns: int) -> None:
        cost_ns = size * 8 * SECOND_NS // self._rate
        self._drained_ns = min(max(self._drained_ns, now_ns) + cost_ns, now_ns + MAX_DEBT_NS)

    def _take_due(self, runs: list[Run], now_ns: int) -> None:
        limit_ns = now_ns + self._burst_ns
        while self._queue and self._drained_ns <= limit_ns:
            group = self._queue[0][-1]
            runs.append(self._take(group, limit_ns, now_ns))
            if group.released == len(group.packets):
                heappop(self._queue)

    def _take(self, group: PacketGroup, limit_ns: int, now_ns: int) -> Run:
        """As many packets as may leave, at least one: the whole group at once where it fits."""
        start, stop = group.released, len(group.packets)
        room = (limit_ns - max(self._drained_ns, now_ns)) * self._rate // (8 * SECOND_NS)
        size = group.size + OVERHEAD_BYTES * stop
        if start or size > room:
            stop, size = self._fit(group, start, room)
        group.released = stop
        self._owe(size, now_ns)
        self.waiting_bytes -= size - OVERHEAD_BYTES * (stop - start)
        return group, start, stop

    def _fit(self, group: PacketGroup, start: int, room: int) -> tuple[int, int]:
        """Where to stop, and the bytes until there: the last one may exceed the room."""
        packets, size, stop = group.packets, 0, start
        while stop < len(packets) and size <= room:
            size += len(packets[stop]) + OVERHEAD_BYTES
            stop += 1
        return stop, size

    def next_deadline(self, now_ns: int) -> int | None:
        """When `pop` has something again; None while nothing waits."""
        return max(now_ns, self._drained_ns - self._burst_ns) if self._queue else None

    def drop_stale(self, now_ns: int) -> list[PacketGroup]:
        """Throw away whole groups not begun that waited longer than the queue limit; call before `pop`."""
        oldest_ns = now_ns - QUEUE_LIMIT_NS
        gone = self._remove([waiting for waiting in self._queue if waiting[3] < oldest_ns])
        self.dropped_groups += len(gone)
        self.dropped_packets += sum(map(len, gone))
        return gone

    def discard(self, ssrc: Ssrc) -> int:
        """Throw away what waits of a media SSRC, its retransmissions included; a frame begun is finished.

        Returns:
            The number of packets thrown away. They are not counted as dropped.
        """
        gone = self._remove([waiting for waiting in self._queue if waiting[-1].flow.media_ssrc == ssrc])
        return sum(map(len, gone))

    def clear(self) -> int:
        """Throw away everything, frames begun too; the number of groups."""
        count = len(self._queue)
        self._queue.clear()
        self._urgent.clear()
        self.waiting_bytes = 0
        return count

    def _remove(self, candidates: list[_Waiting]) -> list[PacketGroup]:
        gone = {arrival: group for *_, arrival, _, group in candidates if group.released == 0}
        if gone:
            self._queue = [waiting for waiting in self._queue if waiting[2] not in gone]
            heapify(self._queue)
            self.waiting_bytes -= sum(group.size for group in gone.values())
        return list(gone.values())
