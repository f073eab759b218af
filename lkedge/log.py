"""Where log records go: the journal under systemd, with fields to search by, else stderr; never with a secret.

LKEDGE_LOG sets levels of single modules: "rtc=debug,signaling.client=info", or "debug" for all.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO, cast

from lkedge import datagrams, journal

ROOT = "lkedge"
VARIABLE = "LKEDGE_LOG"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

REDACTED = "(secret)"
JOURNAL_SOCKET = "/run/systemd/journal/socket"

MIN_SECRET_LENGTH = 6
"""Shorter secrets would blank out innocent words."""

_PATTERNS = (
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"), REDACTED),
    (
        re.compile(r"((?:access_token|join_request|token|api_secret|secret|credential|password)=)[^&\s\"']+"),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"(Bearer\s+)[\w.~+/-]+=*", re.IGNORECASE), rf"\1{REDACTED}"),
    (re.compile(r"(\b\w+://[^\s/@:]+:)[^\s/@]+@"), rf"\1{REDACTED}@"),
)

_secrets: set[str] = set()
_talkative: set[str] = set()
"""Loggers that LKEDGE_LOG gave a level of their own."""


def register_secret(secret: str) -> None:
    """Never write this text to a log. From any thread; kept for the life of the process."""
    if len(secret) >= MIN_SECRET_LENGTH:
        _secrets.add(secret)


def redact(text: str) -> str:
    """The text without tokens, passwords in addresses, and registered secrets."""
    for secret in _secrets.copy():
        text = text.replace(secret, REDACTED)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFilter(logging.Filter):
    """Replaces secrets in a record before any formatter sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


class LineFormatter(logging.Formatter):
    """`14:02:11 info    rtc.dtls: connected`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        short = logging.makeLogRecord(record.__dict__)
        short.levelname = f"{record.levelname.lower():7}"
        short.name = record.name.removeprefix(f"{ROOT}.")
        return super().format(short)


class JournalHandler(logging.Handler):
    """Sends each record to the journal as one entry, and never waits for it.

    While the journal does not read fast enough, records are lost and counted; while it
    cannot be reached at all, for instance when it is restarted, they go to stderr.

    send: `systemd.journal.sendv`, or None where there is no systemd-python: all goes to stderr.
    """

    def __init__(self, send: Callable[..., None] | None, address: str = JOURNAL_SOCKET) -> None:
        super().__init__()
        self._send = send
        self._address = address
        self._has_sent = False
        self.lost = 0
        """Records since the last one that came through."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if self.lost:
            text = f"{text} ({self.lost} messages before this one were lost)"
        try:
            self._deliver([_assignment(*field) for field in _journal_fields(record, text)])
            self.lost = 0
        except BlockingIOError:
            self.lost += 1
        except OSError:
            print(f"<{_priority(record.levelno)}>{text}", file=sys.stderr)

    def _deliver(self, entry: list[bytes]) -> None:
        if self._send is None:
            raise OSError("systemd-python is not here")
        # This also fails where there is no journal, of which libsystemd says nothing.
        if datagrams.would_wait(self._address):
            raise BlockingIOError("the journal does not read")
        if self._has_sent:
            self._send(*entry)
            return
        with datagrams.opening_without_waiting():
            self._send(*entry)
        self._has_sent = True


def _assignment(name: str, value: str) -> bytes:
    return f"{name}={value}".encode("utf-8", "replace")


def _journal_fields(record: logging.LogRecord, text: str) -> Iterator[tuple[str, str]]:
    """Source: systemd.journal-fields(7)."""
    yield "MESSAGE", text
    yield "PRIORITY", str(_priority(record.levelno))
    yield "SYSLOG_IDENTIFIER", ROOT
    yield "LOGGER", record.name
    yield "THREAD_NAME", record.threadName or ""
    yield "CODE_FILE", record.pathname
    yield "CODE_LINE", str(record.lineno)
    yield "CODE_FUNC", record.funcName or ""
    yield from journal.fields_of(record.__dict__).items()


def _priority(level: int) -> int:
    """As in syslog(3)."""
    if level >= logging.ERROR:
        return 3
    return {logging.WARNING: 4, logging.INFO: 6}.get(level, 7)


def configure(level: str = "info", *, environ: Mapping[str, str] | None = None, stream: TextIO | None = None) -> None:
    """Send the records of lkedge to one place. Call once, from the main thread; again replaces.

    level: "debug", "info", "warning" or "error". stream: instead of stderr.
    """
    environ = os.environ if environ is None else environ
    handler = _handler(environ, stream)
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    for old in [old for old in root.handlers if getattr(old, "is_lkedge", False)]:
        root.removeHandler(old)
        old.close()
    handler.is_lkedge = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in _talkative:
        logging.getLogger(name).setLevel(logging.NOTSET)
    _talkative.clear()
    logging.getLogger(ROOT).setLevel(LEVELS[level])
    for name, module_level in module_levels(environ.get(VARIABLE, "")).items():
        logging.getLogger(name).setLevel(module_level)
        _talkative.add(name)


def module_levels(text: str) -> dict[str, int]:
    """What LKEDGE_LOG says, by logger name; entries that make no sense are left out."""
    levels = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, level = entry.rpartition("=")
        known = LEVELS.get(level.strip().lower())
        if known is not None:
            levels[logger_name(name.strip())] = known
        elif not name:
            levels[logger_name(level)] = logging.DEBUG
    return levels


def is_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """Whether a stream ends in the journal: $JOURNAL_STREAM names its device and inode (systemd.exec)."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def is_ours(name: str) -> bool:
    """Of a module of lkedge, or of a plugin."""
    return name.startswith((f"{ROOT}.", f"{ROOT}_"))


def logger_name(name: str) -> str:
    """In full: "rtc.ice" is "lkedge.rtc.ice", and "" is the logger of all."""
    if name in ("", ROOT) or is_ours(name):
        return name or ROOT
    return f"{ROOT}.{name}"


def _handler(environ: Mapping[str, str], stream: TextIO | None) -> logging.Handler:
    stream = stream or sys.stderr
    if not is_journal(environ, stream):
        handler: logging.Handler = logging.StreamHandler(stream)
        handler.setFormatter(LineFormatter())
        return handler
    handler = JournalHandler(_sendv())
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler


def _sendv() -> Callable[..., None] | None:
    try:
        from systemd.journal import sendv
    except ImportError:
        return None
    return cast(Callable[..., None], sendv)
