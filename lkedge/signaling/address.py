# lkedge: pure
"""Where to connect: from the configured address to the WebSocket's and the validation's URL.

Source: livekit-wire.md, sections 1.1 and 1.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

from lkedge.errors import JoinRefused
from lkedge.signaling.requests import ResumeFrom

PROTOCOL = 16
"""Signal protocol level; 16 has everything a publisher needs and every server since 1.9 knows it."""

_SECURE = {"ws": False, "http": False, "wss": True, "https": True}
_LOOPBACK = ("localhost", "::1")


@dataclass(frozen=True, slots=True)
class SignalAddress:
    """A LiveKit server's address, taken apart.

    path: with the prefix that was configured, ending in "/rtc".
    """

    host: str
    port: int
    is_secure: bool
    path: str

    @classmethod
    def parse(cls, url: str) -> SignalAddress:
        """Take ws, wss, http and https; keep a path prefix; append /rtc.

        Raises:
            JoinRefused: `url` is no address of a LiveKit server.
        """
        parts = _split(url)
        is_secure = _SECURE[parts.scheme]
        port = parts.port or (443 if is_secure else 80)
        return cls(parts.hostname or "", port, is_secure, _rtc_path(parts.path))

    @property
    def name(self) -> str:
        """host:port, for messages; never has credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """The server is on this machine: no proxy, and loop-back ICE candidates are needed."""
        return self.host in _LOOPBACK or self.host.startswith("127.")

    def websocket_url(self, query: Mapping[str, str]) -> str:
        return self._url("wss" if self.is_secure else "ws", self.path, query)

    def validate_url(self, query: Mapping[str, str]) -> str:
        """Answers in words why a join with the same query is refused."""
        return self._url("https" if self.is_secure else "http", self.path + "/validate", query)

    def _url(self, scheme: str, path: str, query: Mapping[str, str]) -> str:
        return urlunsplit((scheme, self.name, path, urlencode(query), ""))


def join_query(client_info: Mapping[str, str], resume: ResumeFrom | None = None) -> dict[str, str]:
    """The query of a join, or of a resume.

    client_info: "version", "os", "os_version", "device_model": free text for the server's
        operator.
    """
    query = {"protocol": str(PROTOCOL), "auto_subscribe": "0", "sdk": "python", **client_info}
    if resume:
        query |= {"reconnect": "1", "sid": resume.participant_sid, "reconnect_reason": str(resume.reason.value)}
    return query


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        is_usable = parts.scheme in _SECURE and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        shown = _without_credentials(url)
        raise JoinRefused(f'"{shown}" is no server address: write it like ws://192.168.1.10:7880 or wss://host.example')
    return parts


def _without_credentials(url: str) -> str:
    scheme, separator, rest = url.partition("//")
    return scheme + separator + rest.split("?")[0].rpartition("@")[2]


def _rtc_path(path: str) -> str:
    prefix = path.rstrip("/")
    return prefix if prefix.endswith("/rtc") else prefix + "/rtc"
