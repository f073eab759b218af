"""Facts of real machines, to be judged."""

from __future__ import annotations

from dataclasses import replace

from lkedge.doctor.facts import (
    MEBIBYTE,
    Board,
    Camera,
    Configuration,
    Devices,
    Encoder,
    Facts,
    Folder,
    Heat,
    Memory,
    Network,
    Node,
    Plugin,
    Time,
    Unit,
    User,
)

SERVICE_USER = User("lkedge", ("audio", "lkedge", "render", "video"))

CODEC_NODES = tuple(
    Node(f"/dev/video{number}", "video", True, f"bcm2835-{name}")
    for number, name in ((10, "codec-decode"), (11, "codec-encode"), (12, "codec-isp"))
)
CAMERA_NODES = (
    Node("/dev/video0", "video", True, "unicam-image"),
    Node("/dev/media0", "video", True),
    Node("/dev/v4l-subdev0", "video", True),
    Node("/dev/dma_heap/linux,cma", "video", True),
)
MICROPHONE = Node("/dev/snd/pcmC1D0c", "audio", True)

SOFTWARE = Encoder("x264", "h264", False, True, "H.264 in software (libx264)")
HARDWARE = Encoder("h264-v4l2m2m", "h264", True, True, "7.1 ms for a picture in 3 layers (1280x720, 640x360, 320x180)")
NO_HARDWARE = Encoder(
    "h264-v4l2m2m", "h264", True, False, "not usable here: this machine has no V4L2 encoder for H.264"
)

COMMON = Facts(
    heat=Heat(48.0, 0),
    time=Time(True),
    user=SERVICE_USER,
    plugins=(Plugin("builtin", "ready"), Plugin("v4l2", "ready")),
    configuration=Configuration(("/etc/lkedge/lkedge.toml",), (), ("front",), "ws://sfu:7880"),
    folders=(Folder("cache", "/var/cache/lkedge"),),
    unit=Unit("loaded", "active", "success", 0, True),
    network=Network("sfu:7880", addresses=("192.168.1.10",), tcp_ms=2.0, is_validated=True),
)


def _pi(
    model: str, chips: tuple[str, ...], memory: Memory, nodes: tuple[Node, ...], modules: str, **more: object
) -> Facts:
    return replace(
        COMMON,
        board=Board(model, chips, "6.12.34+rpt-rpi-v8", "aarch64", 4),
        memory=memory,
        devices=Devices((*nodes, MICROPHONE), frozenset(modules.split()), ("1 [mic]: USB-Audio - USB mic",)),
        camera=Camera("/usr/bin/python3", "3.13.5", "", True),
        **more,  # type: ignore[arg-type]
    )


PI_ZERO_2_W = _pi(
    "Raspberry Pi Zero 2 W Rev 1.0",
    ("raspberrypi,model-zero-2-w", "brcm,bcm2837"),
    Memory(427 * MEBIBYTE, 210 * MEBIBYTE, 128 * MEBIBYTE, 90 * MEBIBYTE),
    (*CAMERA_NODES, *CODEC_NODES),
    "bcm2835_codec bcm2835_unicam_legacy v4l2_mem2mem",
    encoders=(HARDWARE, SOFTWARE),
)
PI_4 = _pi(
    "Raspberry Pi 4 Model B Rev 1.4",
    ("raspberrypi,4-model-b", "brcm,bcm2711"),
    Memory(3794 * MEBIBYTE, 3300 * MEBIBYTE, 512 * MEBIBYTE, 480 * MEBIBYTE),
    (*CAMERA_NODES, *CODEC_NODES),
    "bcm2835_codec bcm2835_unicam_legacy v4l2_mem2mem",
    encoders=(HARDWARE, SOFTWARE),
)
PI_5 = _pi(
    "Raspberry Pi 5 Model B Rev 1.0",
    ("raspberrypi,5-model-b", "brcm,bcm2712"),
    Memory(8053 * MEBIBYTE, 7500 * MEBIBYTE, 64 * MEBIBYTE * 4, 200 * MEBIBYTE),
    CAMERA_NODES,
    "rp1_cfe pisp_be v4l2_mem2mem",
    encoders=(NO_HARDWARE, SOFTWARE),
)
PC = Facts(
    board=Board("OptiPlex 7050", (), "6.12.30-amd64", "x86_64", 8),
    memory=Memory(16000 * MEBIBYTE, 12000 * MEBIBYTE),
    heat=Heat(45.0, None),
    time=Time(True, True),
    user=User("ana", ("ana", "sudo")),
    devices=Devices(
        (
            Node("/dev/video0", "video", True, "HD Webcam"),
            Node("/dev/dma_heap/system", "root", False),
            Node("/dev/snd/pcmC0D0c", "audio", True),
            Node("/dev/dri/renderD128", "render", True),
        ),
        frozenset({"uvcvideo"}),
        ("0 [PCH]: HDA-Intel - HDA Intel PCH",),
    ),
    camera=Camera("/home/ana/venv/bin/python", "3.12.3"),
    plugins=(Plugin("builtin", "ready"),),
    encoders=(NO_HARDWARE, SOFTWARE),
    configuration=Configuration(("front.toml",), (), ("front",), "ws://127.0.0.1:7880"),
    folders=(Folder("cache", "/home/ana/.cache/lkedge"),),
    unit=Unit("not-found", "inactive"),
    network=Network("127.0.0.1:7880", addresses=("127.0.0.1",), tcp_ms=0.2, is_validated=True),
)

MACHINES = {"Pi Zero 2 W": PI_ZERO_2_W, "Pi 4": PI_4, "Pi 5": PI_5, "PC": PC}
