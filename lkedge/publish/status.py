"""Reads the status of a publication."""

from __future__ import annotations

from dataclasses import replace

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
        captures=track.captures,
        layers=tuple(_measured(publication, layer) for layer in track.layer_states()),
        restarts=publication.worker.restarts,
        worker_pid=publication.worker.pid or 0,
    )


def _measured(publication: Publication, layer: LayerStatus) -> LayerStatus:
    rid = Rid(layer.rid)
    bitrate, framerate = publication.measured(rid)
    attachment = publication.attachment
    ssrc = attachment.streams[rid].ssrc if attachment else 0
    return replace(layer, measured_bitrate=bitrate, measured_framerate=framerate, ssrc=ssrc)
