# lkedge: pure
"""What was sent: packets that may be asked for again, and the log of transport-wide numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

from lkedge.clock import MILLISECOND_NS, SECOND_NS
from lkedge.rtp.packetizer import Flow, PacketGroup, PacketKind
from lkedge.terms import Ssrc

HISTORY_NS = 1_500 * MILLISECOND_NS
"""How long a packet is worth repeating: the server asks five times within about 1.5 s."""

HISTORY_PACKETS = 4096

SENT_LOG_NS = 2 * SECOND_NS
SENT_LOG_PACKETS = 4096


_Entry = tuple[int, int, PacketGroup]
"""First sequence number, time, packets."""

_first = itemgetter(0)


class SentHistory:
    """The packets of one SSRC of the last 1.5 s, by sequence number.

    Kept per frame, so that adding costs nothing per packet. Sequence numbers given to `add`
    are never wrapped; those given to `find` are the 16 bits on the wire.

    size: bytes of all packets held.
    """

    def __init__(self, duration_ns: int = HISTORY_NS, max_packets: int = HISTORY_PACKETS) -> None:
        self._duration_ns = duration_ns
        self._max_packets = max_packets
        self._entries: deque[_Entry] = deque()
        self._answered_ns: dict[int, int] = {}
        self._count = 0
        self.size = 0

    def __len__(self) -> int:
        """Packets held."""
        return self._count

    def add(self, first_sequence: int, group: PacketGroup, now_ns: int) -> None:
        """Keep a group whose numbers follow those of the one before."""
        self._entries.append((first_sequence, now_ns, group))
        self._count += len(group.packets)
        self.size += group.size
        self._expire(now_ns)

    def _expire(self, now_ns: int) -> None:
        entries = self._entries
        oldest_ns = now_ns - self._duration_ns
        while entries and (entries[0][1] < oldest_ns or self._count > self._max_packets):
            self._forget(entries.popleft())

    def _forget(self, entry: _Entry) -> None:
        first, _, group = entry
        self._count -= len(group.packets)
        self.size -= group.size
        if self._answered_ns:
            end = first + len(group.packets)
            self._answered_ns = {key: at for key, at in self._answered_ns.items() if key >= end}

    def find(self, sequence: int, now_ns: int, interval_ns: int) -> bytearray | None:
        """The packet with this 16-bit number, to be sent again now.

        None when it is unknown, too old, never left the pacer, or was handed out less than
        `interval_ns` ago.
        """
        self._expire(now_ns)
        if not self._entries:
            return None
        first, _, group = self._entries[-1]
        newest = first + len(group.packets) - 1
        number = newest - (newest - sequence & 0xFFFF)
        packet = self._released(number)
        if packet is None or now_ns - self._answered_ns.get(number, -interval_ns) < interval_ns:
            return None
        self._answered_ns[number] = now_ns
        return packet

    def _released(self, number: int) -> bytearray | None:
        position = bisect_right(self._entries, number, key=_first) - 1
        if position < 0:
            return None
        first, _, group = self._entries[position]
        index = number - first
        return group.packets[index] if index < group.released else None


class RetransmissionBudget:
    """Lets repairs have a quarter of what the media had, so that loss cannot feed on itself.

    A token bucket: every media byte earns a quarter of a byte; at most what a second of the
    media earns is kept, and never less than a dozen packets' worth.
    """

    SHARE = 4
    FLOOR_BYTES = 16_000

    def __init__(self) -> None:
        self._credit = self.FLOOR_BYTES

    def earn(self, media_bytes: int, bytes_per_second: int) -> None:
        most = max(self.FLOOR_BYTES, bytes_per_second // self.SHARE)
        self._credit = min(most, self._credit + media_bytes // self.SHARE)

    def spend(self, size: int) -> bool:
        """Whether a repair of this size may be sent; takes it from the budget."""
        if size > self._credit:
            return False
        self._credit -= size
        return True


class SentPacket(NamedTuple):
    """One packet as a bandwidth estimator sees it.

    transport_sequence: never wrapped. size: RTP bytes before encryption.
    """

    transport_sequence: int
    sent_ns: int
    size: int
    ssrc: Ssrc
    kind: PacketKind


class SentRun(NamedTuple):
    """Packets of one flow sent at one moment, with consecutive transport-wide numbers.

    first_sequence: never wrapped. sizes: RTP bytes before encryption.
    """

    first_sequence: int
    sent_ns: int
    flow: Flow
    sizes: Sequence[int]


class SentLog:
    """Transport-wide sequence numbers of the last two seconds, 4096 at most."""

    def __init__(self, duration_ns: int = SENT_LOG_NS, max_packets: int = SENT_LOG_PACKETS) -> None:
        self._duration_ns = duration_ns
        self._max_packets = max_packets
        self._runs: deque[SentRun] = deque()
        self._count = 0

    def __len__(self) -> int:
        """Packets held."""
        return self._count

    def add(self, run: SentRun) -> None:
        """Keep a run whose numbers follow those of the one before."""
        self._runs.append(run)
        self._count += len(run.sizes)
        oldest_ns = run.sent_ns - self._duration_ns
        while self._runs and (self._runs[0].sent_ns < oldest_ns or self._count > self._max_packets):
            self._count -= len(self._runs.popleft().sizes)

    def find(self, transport_sequence: int) -> SentPacket | None:
        """The packet with this number, of which only the lowest 16 bits are used; None when it is not held."""
        if not self._runs:
            return None
        newest = self._runs[-1].first_sequence + len(self._runs[-1].sizes) - 1
        number = newest - (newest - transport_sequence & 0xFFFF)
        position = bisect_right(self._runs, number, key=_first) - 1
        if position < 0:
            return None
        run = self._runs[position]
        size = run.sizes[number - run.first_sequence]
        return SentPacket(number, run.sent_ns, size, run.flow.ssrc, run.flow.kind)
