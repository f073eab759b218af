"""Reads the status of a publication."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lkedge.clock import MILLISECOND_NS
from lkedge.publish.publication import Publication
from lkedge.publish.state import LayerStatus, TrackStatus
from lkedge.terms import Rid


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
    ssrc = attachment.streams[rid].ssrc
    return replace(layer, measured_bitrate=bitrate, measured_framerate=framerate, ssrc=ssrc)
