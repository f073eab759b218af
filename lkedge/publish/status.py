"""Reads the status of a publication."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lkedge.clock import MILLISECOND_NS, SECOND_NS
from lkedge.publish.publication import Publication
from lkedge.publish.state import LayerCounters, LayerStatus, TrackStatus, WorkCounters
from lkedge.rtc.stream import StreamCounters
from lkedge.terms import Rid
from lkedge.worker.events import WorkerStats


def track_status(publication: Publication) -> TrackStatus:
    """One publication as control shows it."""
    track = publication.track
    attachment = publication.attachment
    return TrackStatus(
        name=publication.name,
        kind=publication.kind,
        source=publication.config.source,
        publish_as=publication.config.publish_as,
        state=publication.state,
        reason=publication.reason,
        sid=attachment.sid if attachment else "",
        codec=track.codec.value,
        encoder=publication.encoder,
        muted=publication.is_muted,
        captures=publication.live.is_open,
        layers=tuple(_measured(publication, layer) for layer in track.layer_states()),
        restarts=publication.worker.restarts,
        worker_pid=publication.worker.pid or 0,
        condition=publication.condition,
        work=_work(publication.live.stats),
    )


def round_trip_ms(publications: Iterable[Publication]) -> int:
    """To the server and back, as the newest reports say; 0 when none has come."""
    attached = [publication.attachment for publication in publications if publication.attachment]
    times = [stream.round_trip_ns or 0 for attachment in attached for stream in attachment.streams.values()]
    return max(times, default=0) // MILLISECOND_NS


def _measured(publication: Publication, layer: LayerStatus) -> LayerStatus:
    attachment, rid = publication.attachment, Rid(layer.rid)
    if attachment is None:
        return layer
    bitrate, framerate = attachment.measured(rid)
    stream = attachment.streams[rid]
    counters = _counters(stream.counters)
    return replace(layer, measured_bitrate=bitrate, measured_framerate=framerate, ssrc=stream.ssrc, counters=counters)


def _counters(counters: StreamCounters) -> LayerCounters:
    return LayerCounters(
        packets=counters.packets,
        bytes=counters.bytes,
        frames=counters.frames,
        key_frames=counters.key_frames,
        retransmitted=counters.retransmitted,
        nacked=counters.nacked,
        plis=counters.plis,
    )


def _work(stats: WorkerStats) -> WorkCounters:
    return WorkCounters(
        captured=stats.captured,
        dropped=stats.dropped,
        encoded=dict(stats.encoded),
        encode_s={rid: spent_ns / SECOND_NS for rid, spent_ns in stats.encode_ns.items()},
        cpu_s=stats.cpu_ns / SECOND_NS,
    )
