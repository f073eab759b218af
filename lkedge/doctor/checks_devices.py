# lkedge: pure
"""Judges devices, drivers and the rights to use them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lkedge.doctor.facts import Camera, Devices, Facts, Node, User
from lkedge.doctor.finding import Finding, fail, ok, warn

CODEC_NODE = "bcm2835-codec-encode"
"""What the driver calls the encoder of the Raspberry Pi Zero to 4."""

DMA_HEAP = "/dev/dma_heap/"
"""Where libcamera takes its buffers from; nothing else needs it."""

NODE_KINDS = (
    ("/dev/video", "cameras and encoders", "video"),
    ("/dev/media", "media controllers", "video"),
    ("/dev/v4l-subdev", "sensors and bridges", "video"),
    (DMA_HEAP, "memory for cameras", "video"),
    ("/dev/snd/pcm", "sound", "audio"),
    ("/dev/dri/", "screens", "render"),
)
"""Prefix, what it is, and the group that Debian gives it."""


def check_devices(facts: Facts) -> Iterator[Finding]:
    """All of it, in the order of the report."""
    yield from _user(facts.user)
    for prefix, what, group in NODE_KINDS:
        nodes = facts.devices.below(prefix)
        if nodes and (prefix != DMA_HEAP or facts.camera.is_wanted):
            yield _rights(what, nodes, group, facts.user)
    yield from _nothing(facts.devices)
    yield from _codec_block(facts)
    yield from _libcamera(facts.camera)
    yield from _encoders(facts)


def _user(user: User) -> Iterator[Finding]:
    if not user.exists:
        yield fail(
            "user",
            f"the service runs as {user.name}, who does not exist",
            "`sudo systemd-sysusers`, or install the package again",
        )
    else:
        yield ok("user", f"{user.name}{_groups(user)}")


def _groups(user: User) -> str:
    useful = [group for group in ("video", "audio", "render", "gpio") if group in user.groups]
    if user.is_root:
        return ", who may use everything"
    return f", in {', '.join(useful)}" if useful else ", in none of the groups video, audio, render"


def _rights(what: str, nodes: Sequence[Node], group: str, user: User) -> Finding:
    closed = [node for node in nodes if not node.may_use]
    names = ", ".join(node.path for node in closed[:3]) + (" ..." if len(closed) > 3 else "")
    if not closed:
        return ok(what, f"{len(nodes)} device node{'s' if len(nodes) > 1 else ''}, {user.name} may use all")
    owner = closed[0].group or group
    if owner in ("root", "kvm"):
        remedy = (
            f"install lkedge's udev rules (60-lkedge.rules), which give them to {group}, and `sudo udevadm trigger`"
        )
    elif owner in user.groups:
        remedy = "log in again, or restart the service: groups count from the next start"
    else:
        remedy = f"`sudo usermod -aG {owner} {user.name}`, then log in again or restart the service"
    # Screens are for few; whoever has none of these rights misses a camera first.
    judge = warn if group == "render" else fail
    return judge(what, f"{user.name} may not use {names} (group {owner})", remedy)


def _nothing(devices: Devices) -> Iterator[Finding]:
    if not devices.below("/dev/video"):
        yield warn(
            "cameras and encoders",
            "there is no /dev/video*",
            "plug a camera in; for a USB camera `sudo modprobe uvcvideo`, for a Pi camera check cable and connector "
            "(`rpicam-hello --list-cameras`)",
        )
    if not devices.sound_cards:
        yield ok("sound", "there is no sound card; only microphones need one")


def _codec_block(facts: Facts) -> Iterator[Finding]:
    """The Raspberry Pi's own encoder: is its driver there?"""
    board, devices = facts.board, facts.devices
    if not board.is_pi:
        return
    if not board.has_codec_block:
        yield ok("hardware H.264", "this board has no encoder; x264 encodes in software, for which it is quick enough")
        return
    nodes = [node for node in devices.below("/dev/video") if node.name == CODEC_NODE]
    if nodes:
        yield ok("hardware H.264", f"{nodes[0].path} ({CODEC_NODE})")
    elif "bcm2835_codec" in devices.modules:
        yield warn(
            "hardware H.264",
            "bcm2835-codec is loaded, but its encoder is missing",
            "take `gpu_mem=16` and `start_file=start_cd.elf` out of /boot/firmware/config.txt, and reboot",
        )
    else:
        yield warn(
            "hardware H.264",
            "the driver bcm2835-codec is not loaded",
            "`sudo modprobe bcm2835-codec`; Raspberry Pi's kernel has it (`sudo apt full-upgrade`), Debian's has not",
        )


def _libcamera(camera: Camera) -> Iterator[Finding]:
    if not camera.is_wanted:
        return
    python = f"Python {camera.version} ({camera.executable})"
    if not camera.problem:
        yield ok("libcamera", f"can be imported by {python}")
        return
    yield warn(
        "libcamera",
        f"{python} cannot import it: {camera.problem}",
        "`sudo apt install python3-libcamera python3-picamera2`, and run lkedge with /usr/bin/python3: a virtual "
        "environment of it made with --system-site-packages. It comes with the system and fits its Python only",
    )


def _encoders(facts: Facts) -> Iterator[Finding]:
    """What the trials showed."""
    for encoder in facts.encoders:
        subject, seen = f"encoder {encoder.name}", encoder.text
        if encoder.is_usable is not False:
            yield ok(subject, seen)
        elif encoder.is_hardware and not _should_work(facts):
            yield ok(subject, f"{seen}; software encodes")
        else:
            yield warn(subject, seen, "see the findings above; software takes over meanwhile, at the cost of more CPU")


def _should_work(facts: Facts) -> bool:
    """Whether this machine has an encoder in hardware that we know of."""
    return facts.board.has_codec_block or any(
        "codec" in node.name or "enc" in node.name for node in facts.devices.nodes
    )
