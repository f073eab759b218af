"""A process with a journal of its own: run it in a mount namespace of its own, it covers /run.

libsystemd knows but one place of the journal. Argument: the scene to play; what the journal has got is printed
as JSON, one list of [name, value] for each entry.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lkedge import log
from lkedge.journal import MessageId, event

ENOUGH = 10_000
"""Far more than any queue takes."""

LONG = 1500
"""Twenty kilobytes each, more than the eight megabytes that libsystemd has the kernel keep."""

QUEUE_LIMIT = Path("/proc/sys/net/unix/max_dgram_qlen")


def parsed(data: bytes) -> Iterator[tuple[str, str]]:
    """Source: systemd.io, "Native Journal Protocol"."""
    while data:
        line, _, data = data.partition(b"\n")
        name, has_value, value = line.partition(b"=")
        if not has_value:
            (length,) = struct.unpack_from("<Q", data)
            value, data = data[8 : 8 + length], data[8 + length + 1 :]
        yield name.decode(), value.decode()


def received(journal: socket.socket) -> Iterator[list[tuple[str, str]]]:
    """What was sent by now; a long entry comes as a file."""
    with contextlib.suppress(BlockingIOError):
        while True:
            data, descriptors, _, _ = socket.recv_fds(journal, 1 << 20, 1)
            for descriptor in descriptors:
                with os.fdopen(descriptor, "rb") as file:
                    file.seek(0)
                    data = file.read()
            yield list(parsed(data))


def fields(journal: socket.socket, logger: logging.Logger) -> None:
    track = "front\nPRIORITY=0"
    logger.warning("two\nlines=%s", "a=b", extra=event(MessageId.SOURCE_LOST, track=track, rid="h"))
    logger.info("not in utf-8: \udcff")
    logger.info("x" * 1_000_000)


def stuck(journal: socket.socket, logger: logging.Logger) -> None:
    """The queue of the journal is full after a few entries."""
    for _ in range(ENOUGH):
        logger.info("x")
    print(json.dumps([ENOUGH - len(list(received(journal)))]))
    logger.info("again")
    logger.info("and again")


def stuck_with_a_long_queue(journal: socket.socket, logger: logging.Logger) -> None:
    """What is not read fills the buffer of the sender first. In a network name space of its own."""
    QUEUE_LIMIT.write_text(str(ENOUGH))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as patient:
        Path(log.JOURNAL_SOCKET).unlink()
        patient.bind(log.JOURNAL_SOCKET)
        patient.setblocking(False)
        text = "x" * 20_000
        for _ in range(LONG):
            logger.info(text)
        print(json.dumps([LONG - len(list(received(patient)))]))
        logger.info("again")
        logger.info("and again")
        print(json.dumps(list(received(patient))))


def stuck_from_the_start(journal: socket.socket, logger: logging.Logger) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other, contextlib.suppress(BlockingIOError):
        other.setblocking(False)
        for _ in range(ENOUGH):
            other.sendto(b"MESSAGE=of another", log.JOURNAL_SOCKET)
    logger.info("lost")
    list(received(journal))
    logger.info("first")


def gone(journal: socket.socket, logger: logging.Logger) -> None:
    logger.info("before")
    Path(log.JOURNAL_SOCKET).unlink()
    logger.error("nobody is there")
    journal.close()


SCENES = {scene.__name__: scene for scene in (fields, stuck, stuck_with_a_long_queue, stuck_from_the_start, gone)}


def main(scene: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    Path(log.JOURNAL_SOCKET).parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(log.JOURNAL_SOCKET)
        journal.setblocking(False)
        status = os.fstat(sys.stderr.fileno())
        log.configure(environ={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        SCENES[scene](journal, logging.getLogger("lkedge.x"))
        if journal.fileno() >= 0:
            print(json.dumps(list(received(journal))))


main(sys.argv[1])
