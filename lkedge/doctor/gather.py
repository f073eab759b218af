"""Gathers all facts of this machine; what hangs is left out after a while."""

from __future__ import annotations

from pathlib import Path

from lkedge import interrupts
from lkedge.daemon.encoder_memory import EncoderMemory
from lkedge.daemon.encoder_report import EncoderState, encoder_states
from lkedge.doctor.facts import Encoder, Facts, Network
from lkedge.doctor.files import Files
from lkedge.doctor.read_devices import read_camera, read_devices, read_user
from lkedge.doctor.read_machine import read_board, read_heat, read_memory, read_time
from lkedge.doctor.read_service import cache_of, read_configuration, read_folders, read_plugins, read_unit, unit_of
from lkedge.plugin.manager import PluginManager


def gather(path: Path | None, plugins: PluginManager, *, with_join: bool = False) -> Facts:
    """Everything; blocks for seconds.

    path: of the configuration; None for the system's. with_join: enter the room for a moment.
    """
    files = Files()
    configuration, config = read_configuration(path, plugins)
    unit, service_user = read_unit(unit_of(path))
    board, user = read_board(files), read_user(service_user)
    cache = cache_of(user.name == service_user)
    network, join = Network(), None
    if config is not None:
        from lkedge.doctor.read_network import read_network

        network = interrupts.run(read_network(config.livekit, files))
    if config is not None and with_join:
        from lkedge.doctor.read_join import read_join

        join = interrupts.run(read_join(config))
    return Facts(
        board=board,
        memory=read_memory(files),
        heat=read_heat(files),
        time=read_time(files),
        user=user,
        devices=read_devices(files, user),
        camera=read_camera(board, plugins),
        plugins=read_plugins(plugins),
        encoders=tuple(map(_encoder, encoder_states(plugins, EncoderMemory(cache)))),
        configuration=configuration,
        folders=read_folders(cache),
        unit=unit,
        network=network,
        join=join,
    )


def _encoder(state: EncoderState) -> Encoder:
    entry = state.encoder
    return Encoder(entry.name, entry.codec.value, entry.is_hardware, state.is_usable, state.text or entry.summary)
