from __future__ import annotations

import os
import re
from dataclasses import replace

from lkedge.control.metrics import Facts, Interface, Usage, metrics
from lkedge.control.processes import open_files, usage
from lkedge.publish.state import ConnectionState, ConnectionStatus, LayerCounters, Status, WorkCounters
from lkedge.terms import Rid
from lkedge.testing.fake_target import sound_track, video_track

SAMPLE = re.compile(r'[a-z_]+(\{([a-z_]+="(\\.|[^"\\\n])*",?)+\})? -?[0-9.e+]+')
"""A line of the text exposition format, as far as we use it."""


def page(*tracks, **changes) -> list[str]:
    connection = ConnectionStatus(ConnectionState.RECONNECTING, round_trip_ms=12, joins=3, resumes=4)
    facts = Facts(
        "1.0", Status(connection, tracks), 100.5, 9, Usage(1.25, 4096), {"front": Usage(2.5, 8192)}, Interface()
    )
    return metrics(replace(facts, **changes)).splitlines()


def test_every_line_is_a_comment_or_a_sample() -> None:
    lines = page(video_track('a "b"\\\n'), sound_track("talk"))
    assert [line for line in lines if not line.startswith("# ") and not SAMPLE.fullmatch(line)] == []


def test_every_family_is_told_once() -> None:
    names = [line.split()[2] for line in page(video_track("front")) if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_names_are_escaped() -> None:
    assert 'lkedge_track_muted{track="a \\"b\\"\\\\\\n"} 0' in page(video_track('a "b"\\\n'))


def test_layers() -> None:
    track = sound_track("talk")
    counted = replace(track.layers[0], counters=LayerCounters(packets=7, nacked=2, plis=1))
    lines = page(replace(track, layers=(counted,)))
    assert 'lkedge_layer_packets_total{track="talk",rid="single"} 7' in lines
    assert 'lkedge_layer_nacked_packets_total{track="talk",rid="single"} 2' in lines
    assert 'lkedge_layer_plis_total{track="talk",rid="single"} 1' in lines
    assert 'lkedge_layer_bits_per_second{track="talk",rid="single"} 47000' in lines


def test_work_and_processes() -> None:
    work = WorkCounters(captured=100, dropped=3, encoded={Rid("q"): 97}, encode_s={Rid("q"): 0.5})
    lines = page(replace(video_track("front"), work=work, restarts=2))
    assert 'lkedge_captured_frames_total{track="front"} 100' in lines
    assert 'lkedge_encoded_frames_total{track="front",rid="q"} 97' in lines
    assert 'lkedge_encode_seconds_total{track="front",rid="q"} 0.5' in lines
    assert 'lkedge_worker_restarts_total{track="front"} 2' in lines
    assert 'lkedge_worker_resident_memory_bytes{track="front"} 8192' in lines
    assert "process_cpu_seconds_total 1.25" in lines


def test_connection() -> None:
    lines = page()
    assert 'lkedge_connection_state{state="reconnecting"} 1' in lines
    assert 'lkedge_connection_state{state="connected"} 0' in lines
    assert {"lkedge_joins_total 3", "lkedge_resumes_total 4", "lkedge_round_trip_seconds 0.012"} <= set(lines)


def test_interface() -> None:
    lines = page(interface=Interface(3, 2, 1, 5, {200: 7, 404: 1}))
    assert 'lkedge_control_requests_total{status="200"} 7' in lines
    assert {"lkedge_control_dropped_clients_total 1", "lkedge_control_refusals_total 5"} <= set(lines)


def test_our_own_process() -> None:
    ours = usage(os.getpid())
    assert ours is not None
    assert ours.cpu_s > 0
    assert ours.resident > 1 << 20
    assert open_files() > 2


def test_a_process_that_is_gone() -> None:
    assert usage(2**22 + 1) is None
