# lkedge: pure
"""What is known of a machine before it is judged: plain values, made by the readers or by a test."""

from __future__ import annotations

from dataclasses import dataclass, field

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Board:
    """model: "Raspberry Pi 4 Model B Rev 1.4" or a PC's product name; "" when the machine does not say.

    chips: of the device tree, the board first: ("raspberrypi,4-model-b", "brcm,bcm2711"); () on a PC.
    """

    model: str = ""
    chips: tuple[str, ...] = ()
    kernel: str = ""
    architecture: str = ""
    cores: int = 1
    cmdline: str = ""

    @property
    def is_pi(self) -> bool:
        return self.model.startswith("Raspberry Pi")

    @property
    def has_codec_block(self) -> bool:
        """The Pi Zero to the Pi 4 have a VideoCore with an H.264 encoder, the Pi 5 and its kin have none."""
        return self.is_pi and not any(chip.endswith("bcm2712") for chip in self.chips)


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. cma_*: None where the kernel has no contiguous memory allocator.

    has_cgroup: whether the kernel keeps account of memory for systemd's MemoryMax=.
    """

    total: int = 0
    available: int = 0
    cma_total: int | None = None
    cma_free: int | None = None
    has_cgroup: bool = True


@dataclass(frozen=True, slots=True)
class Heat:
    """celsius: of the hottest zone; None when nothing measures it.

    throttled: the firmware's flags of a Raspberry Pi; None elsewhere.
    """

    celsius: float | None = None
    throttled: int | None = None


@dataclass(frozen=True, slots=True)
class Time:
    """is_synchronised: None when the kernel does not tell. year: of the system clock."""

    is_synchronised: bool | None = None
    has_rtc: bool = False
    year: int = 2026


@dataclass(frozen=True, slots=True)
class User:
    """Who runs lkedge. groups: by name. exists: False when a unit names somebody who is not there."""

    name: str
    groups: tuple[str, ...] = ()
    is_root: bool = False
    exists: bool = True


@dataclass(frozen=True, slots=True)
class Node:
    """One device node. name: what the driver calls it. may_use: whether `User` may read and write it."""

    path: str
    group: str
    may_use: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Devices:
    """modules: loaded, with "_" for "-", and those built in as far as the nodes tell."""

    nodes: tuple[Node, ...] = ()
    modules: frozenset[str] = frozenset()
    sound_cards: tuple[str, ...] = ()

    def below(self, prefix: str) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.path.startswith(prefix))


@dataclass(frozen=True, slots=True)
class Camera:
    """What libcamera needs.

    executable, version: of the Python that runs us. problem: why libcamera cannot be imported, "" when it can.
    is_wanted: a Raspberry Pi, or the plugin for its cameras is installed.
    """

    executable: str = ""
    version: str = ""
    problem: str = ""
    is_wanted: bool = False


@dataclass(frozen=True, slots=True)
class Plugin:
    name: str
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Encoder:
    """One video encoder with the result of its trial, in words. is_usable: None when it was not tried."""

    name: str
    codec: str
    is_hardware: bool
    is_usable: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """files: that were read. problems: sentences; the rest is empty then. tracks: names."""

    files: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    tracks: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """purpose: "cache", "state". problem: why the user cannot write there, "" when he can."""

    purpose: str
    path: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """The systemd service. load, active: systemd's words; "" without systemd. name: without ".service"."""

    load: str = ""
    active: str = ""
    result: str = ""
    restarts: int = 0
    is_enabled: bool = False
    name: str = "lkedge"


@dataclass(frozen=True, slots=True)
class Network:
    """The way to the server. Each *_problem is a sentence or ""; what comes after the first one was not tried.

    tcp_ms: for connecting. token_problem: why there is no token to show. server_problem: why the server
    refuses it. is_validated: the server has taken it.
    """

    host: str = ""
    has_default_route: bool = True
    name_problem: str = ""
    addresses: tuple[str, ...] = ()
    tcp_problem: str = ""
    tcp_ms: float = 0.0
    token_problem: str = ""
    server_problem: str = ""
    is_validated: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """A real short stay in the room, with a test picture.

    problem: why it came to nothing. seconds: until it was published. round_trip_ms: None when not measured.
    """

    problem: str = ""
    seconds: float = 0.0
    round_trip_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A whole machine. join: None when it was not asked for."""

    board: Board = Board()
    memory: Memory = Memory()
    heat: Heat = Heat()
    time: Time = Time()
    user: User = User("root", is_root=True)
    devices: Devices = Devices()
    camera: Camera = Camera()
    plugins: tuple[Plugin, ...] = ()
    encoders: tuple[Encoder, ...] = ()
    configuration: Configuration = Configuration()
    folders: tuple[Folder, ...] = ()
    unit: Unit = Unit()
    network: Network = Network()
    join: Join | None = field(default=None)
