"""Every error that lkedge raises on purpose.

LkedgeError
├── ConfigError            the configuration is wrong; carries every problem found
│   └── NoSuchTrack        a track was named that there is not
├── StateError             what shall survive a restart cannot be written
├── PluginError            a plugin cannot be loaded, or breaks its contract
├── SourceError
│   ├── SourceUnavailable  the source cannot be opened (missing, busy, no rights)
│   ├── SourceLost         the source was open and is gone
│   │   └── SourceStuck    it hangs, and only the end of its process helps
│   ├── SourceEnded        the source came to its natural end (a file without `loop`)
│   └── SourceClosed       `read()` after, or interrupted by, `close()`
├── EncoderError           an encoder refuses its settings or fails
├── WorkerError            a worker process cannot be started or died
├── SignalError
│   ├── JoinRefused        the server said no (credentials, permission, room full)
│   ├── SignalLost         the WebSocket is gone
│   └── ServerLeave        the server told us to leave
├── PublishRefused         the server refuses one track
├── NegotiationError       an offer/answer exchange failed
└── TransportError         ICE or DTLS failed

`retryable` says whether trying again, with nothing changed by a person, can help.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class LkedgeError(Exception):
    """Root of the tree. The message names the thing, the value and the remedy."""

    retryable = True


class ConfigError(LkedgeError):
    """The configuration cannot be used.

    problems: one complete sentence each, in file order; never empty.
    """

    retryable = False

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class NoSuchTrack(ConfigError):
    """There is no track of that name; the message names those there are."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        listed = ", ".join(known) or "none"
        super().__init__([f"there is no track named {name!r}; there are: {listed}"])
        self.name = name


class StateError(LkedgeError):
    """The state directory cannot be written: what was changed holds until the daemon ends."""


class PluginError(LkedgeError):
    """A plugin cannot be imported, configured or found, or breaks its contract."""

    retryable = False


class SourceError(LkedgeError):
    """A source cannot deliver."""


class SourceUnavailable(SourceError):
    """The source cannot be opened now: it is missing, busy, or may not be read."""


class SourceLost(SourceError):
    """The source was delivering and has gone away."""


class SourceStuck(SourceLost):
    """The source hangs or cannot be released; only the end of its process helps, so its worker is replaced."""


class SourceEnded(SourceError):
    """The source has nothing more to give, as intended."""

    retryable = False


class SourceClosed(SourceError):
    """`read()` was called after `close()`, or `close()` interrupted it."""

    retryable = False


class EncoderError(LkedgeError):
    """An encoder refuses its settings, or failed while encoding."""


class WorkerError(LkedgeError):
    """A worker could not be started, stalled, or died."""


class SignalError(LkedgeError):
    """The signalling connection cannot be made or kept."""


class JoinRefused(SignalError):
    """The server answered, and the answer is no.

    status: HTTP status of the WebSocket handshake, None when the refusal came later.
    """

    retryable = False

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class SignalLost(SignalError):
    """The signalling connection is gone, or could not be made in time."""


class ServerLeave(SignalError):
    """The server sent a LeaveRequest.

    action: "disconnect", "resume" or "reconnect".
    reason: name of the DisconnectReason, such as "DUPLICATE_IDENTITY".
    """

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"the server asked us to {action}: {reason}")
        self.action = action
        self.reason = reason


class PublishRefused(LkedgeError):
    """The server refuses a track (source not permitted, limit, unsupported type)."""


class NegotiationError(LkedgeError):
    """An offer was not answered, or the answer cannot be used."""


class TransportError(LkedgeError):
    """ICE or DTLS failed, or the path is dead."""
