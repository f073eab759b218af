# lkedge: pure
"""The state as Prometheus reads it (text exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lkedge.control.replies import SINGLE
from lkedge.publish.state import ConnectionState, ConnectionStatus, LayerStatus, Status, TrackState, TrackStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_IN_THE_ROOM = (TrackState.PUBLISHED, TrackState.MUTED)

Number = float | int
Sample = tuple[Mapping[str, str], Number]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has taken: CPU time in seconds, resident memory in bytes."""

    cpu_s: float
    resident: int


@dataclass(frozen=True, slots=True)
class Interface:
    """The control interface itself. requests: answers by status of HTTP."""

    connections: int = 0
    event_streams: int = 0
    dropped_clients: int = 0
    refusals: int = 0
    requests: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the page is made of.

    started_s: Unix time. workers: by track, those that are processes and run.
    """

    version: str
    status: Status
    started_s: float
    open_files: int
    daemon: Usage
    workers: Mapping[str, Usage]
    interface: Interface


def metrics(facts: Facts) -> str:
    """The page."""
    status = facts.status
    lines = [
        *_family("lkedge_info", "gauge", "version of lkedge", [({"version": facts.version}, 1)]),
        *_connection(status.connection),
        *_tracks(status.tracks),
        *_layers(status.tracks),
        *_work(status.tracks),
        *_workers(facts.workers),
        *_process(facts),
        *_interface(facts.interface),
    ]
    return "\n".join(lines) + "\n"


def _connection(connection: ConnectionStatus) -> Iterator[str]:
    states = [({"state": state.value}, int(state is connection.state)) for state in ConnectionState]
    yield from _family("lkedge_connection_state", "gauge", "1 for the state of the room connection", states)
    yield from _plain("lkedge_joins_total", "counter", "full joins of the room", connection.joins)
    yield from _plain("lkedge_resumes_total", "counter", "resumed connections", connection.resumes)
    yield from _plain(
        "lkedge_round_trip_seconds",
        "gauge",
        "to the server and back; 0 before a report",
        connection.round_trip_ms / 1e3,
    )


def _tracks(tracks: Iterable[TrackStatus]) -> Iterator[str]:
    def each(name: str, kind: str, about: str, value: Callable[[TrackStatus], Number]) -> Iterator[str]:
        return _family(name, kind, about, [({"track": track.name}, value(track)) for track in tracks])

    yield from _family("lkedge_track_info", "gauge", "what a track is", [(_about(track), 1) for track in tracks])
    yield from each("lkedge_track_published", "gauge", "1 when it is in the room", lambda t: t.state in _IN_THE_ROOM)
    yield from each("lkedge_track_failed", "gauge", "1 when it cannot run", lambda t: t.state is TrackState.FAILED)
    yield from each("lkedge_track_muted", "gauge", "1 when it is muted", lambda t: t.muted)
    yield from each("lkedge_track_capturing", "gauge", "1 when its source is open", lambda t: t.captures)
    yield from each("lkedge_worker_restarts_total", "counter", "workers that were replaced", lambda t: t.restarts)


def _about(track: TrackStatus) -> dict[str, str]:
    return {
        "track": track.name,
        "kind": track.kind.value,
        "source": track.source,
        "publish_as": track.publish_as.value,
        "codec": track.codec,
        "encoder": track.encoder,
    }


_LAYER: tuple[tuple[str, str, str, Callable[[LayerStatus], Number]], ...] = (
    ("active", "gauge", "1 when the layer is sent", lambda layer: layer.active),
    ("width_pixels", "gauge", "width", lambda layer: layer.width),
    ("height_pixels", "gauge", "height", lambda layer: layer.height),
    ("target_bits_per_second", "gauge", "bitrate that the encoder was told", lambda layer: layer.bitrate),
    ("bits_per_second", "gauge", "bitrate over about a second", lambda layer: layer.measured_bitrate),
    ("target_frames_per_second", "gauge", "frame rate that is wanted", lambda layer: layer.framerate),
    ("frames_per_second", "gauge", "frame rate over about a second", lambda layer: layer.measured_framerate),
    ("packets_total", "counter", "RTP packets, without retransmissions", lambda layer: layer.counters.packets),
    ("bytes_total", "counter", "payload of those packets", lambda layer: layer.counters.bytes),
    ("frames_total", "counter", "frames sent", lambda layer: layer.counters.frames),
    ("key_frames_total", "counter", "key frames among them", lambda layer: layer.counters.key_frames),
    ("retransmitted_packets_total", "counter", "packets sent again", lambda layer: layer.counters.retransmitted),
    ("nacked_packets_total", "counter", "packets that receivers asked for", lambda layer: layer.counters.nacked),
    ("plis_total", "counter", "key frames that receivers asked for", lambda layer: layer.counters.plis),
)


def _layers(tracks: Iterable[TrackStatus]) -> Iterator[str]:
    layers = [({"track": track.name, "rid": layer.rid or SINGLE}, layer) for track in tracks for layer in track.layers]
    for name, kind, about, value in _LAYER:
        samples = [(labels, value(layer)) for labels, layer in layers]
        yield from _family(f"lkedge_layer_{name}", kind, about, samples)


def _work(tracks: Iterable[TrackStatus]) -> Iterator[str]:
    captured = [({"track": track.name}, track.work.captured) for track in tracks]
    dropped = [({"track": track.name}, track.work.dropped) for track in tracks]
    yield from _family("lkedge_captured_frames_total", "counter", "frames of the source", captured)
    yield from _family("lkedge_dropped_frames_total", "counter", "captured frames that nobody had time for", dropped)
    encoded = [(_rid_labels(track, rid), count) for track in tracks for rid, count in track.work.encoded.items()]
    spent = [(_rid_labels(track, rid), time_s) for track in tracks for rid, time_s in track.work.encode_s.items()]
    yield from _family("lkedge_encoded_frames_total", "counter", "frames that were encoded", encoded)
    yield from _family("lkedge_encode_seconds_total", "counter", "time spent scaling and encoding", spent)


def _rid_labels(track: TrackStatus, rid: str) -> dict[str, str]:
    return {"track": track.name, "rid": rid or SINGLE}


def _workers(workers: Mapping[str, Usage]) -> Iterator[str]:
    cpu = [({"track": track}, usage.cpu_s) for track, usage in workers.items()]
    memory = [({"track": track}, usage.resident) for track, usage in workers.items()]
    yield from _family("lkedge_worker_cpu_seconds_total", "counter", "CPU time of worker processes", cpu)
    yield from _family("lkedge_worker_resident_memory_bytes", "gauge", "memory of worker processes", memory)


def _process(facts: Facts) -> Iterator[str]:
    yield from _plain("process_cpu_seconds_total", "counter", "CPU time of the daemon", facts.daemon.cpu_s)
    yield from _plain("process_resident_memory_bytes", "gauge", "memory of the daemon", facts.daemon.resident)
    yield from _plain("process_open_fds", "gauge", "open file descriptors of the daemon", facts.open_files)
    yield from _plain("process_start_time_seconds", "gauge", "Unix time of the start", facts.started_s)


def _interface(interface: Interface) -> Iterator[str]:
    requests = [({"status": str(status)}, count) for status, count in sorted(interface.requests.items())]
    yield from _family("lkedge_control_requests_total", "counter", "HTTP requests by status", requests)
    yield from _plain("lkedge_control_connections", "gauge", "open HTTP connections", interface.connections)
    yield from _plain("lkedge_control_event_streams", "gauge", "of those, event streams", interface.event_streams)
    yield from _plain(
        "lkedge_control_dropped_clients_total", "counter", "event streams that nobody read", interface.dropped_clients
    )
    yield from _plain("lkedge_control_refusals_total", "counter", "callers without the right", interface.refusals)


def _plain(name: str, kind: str, about: str, value: Number) -> Iterator[str]:
    return _family(name, kind, about, [({}, value)])


def _family(name: str, kind: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield f"{name}{_labels(labels)} {_number(value)}"


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: Number) -> str:
    return str(int(value)) if isinstance(value, (bool, int)) else repr(float(value))
