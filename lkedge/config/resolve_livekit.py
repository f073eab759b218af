"""From the [livekit] table and the environment to a LiveKitConfig."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from lkedge.config import credentials
from lkedge.config.document import Document
from lkedge.config.locate import KeyPath
from lkedge.config.models import (
    ApiKey,
    Credentials,
    IceConfig,
    LiveKitConfig,
    TokenEndpoint,
    TokenFile,
)
from lkedge.config.problems import Problems
from lkedge.config.sections import IceSection, IceServerSection, LiveKitSection
from lkedge.log import register_secret
from lkedge.terms import IceServer

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_ICE_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")
_HOW_TO = (
    "say how to get a token: token_file, or api_key_file and api_secret_file, or token_endpoint "
    "(or LIVEKIT_API_KEY and LIVEKIT_API_SECRET in the environment, or the credentials "
    f"{credentials.TOKEN}, or {credentials.API_KEY} and {credentials.API_SECRET})"
)


class LiveKitResolver:
    """Checks what pydantic cannot: files, the environment, and one setting against another."""

    def __init__(self, section: LiveKitSection, document: Document, environ: Mapping[str, str], problems: Problems):
        self._section = section
        self._document = document
        self._environ = environ
        self._problems = problems

    def resolve(self) -> LiveKitConfig | None:
        """The resolved section; None when it cannot be used, with the problems noted."""
        section = self._section
        url = self._url()
        credentials = self._credentials()
        ice = self._ice(section.ice or IceSection())
        if url is None or credentials is None:
            return None
        return LiveKitConfig(url, credentials, ice, section.name, section.metadata, dict(section.attributes or {}))

    def _url(self) -> str | None:
        url = self._section.url or self._environ.get("LIVEKIT_URL", "")
        if not url and self._section.token_endpoint:
            return ""
        if not url:
            self._problems.add_plain(("livekit",), "livekit.url is required, or LIVEKIT_URL in the environment")
            return None
        return self._checked_url(url)

    def _checked_url(self, url: str) -> str | None:
        problem = _url_problem(url)
        if not problem:
            scheme, _, rest = url.partition("://")
            return f"{_SCHEMES[scheme.lower()]}://{rest}"
        if self._section.url:
            self._problems.add(("livekit", "url"), problem)
        else:
            self._problems.add_plain(("livekit",), f"LIVEKIT_URL={url}: {problem}")
        return None

    def _credentials(self) -> Credentials | None:
        section = self._section
        has_key = bool(section.api_key_file or section.api_secret_file)
        given = [
            name
            for name, is_given in (
                ("token_file", section.token_file),
                ("token_endpoint", section.token_endpoint),
                ("api_key_file", has_key),
            )
            if is_given
        ]
        if len(given) > 1:
            self._problems.add_plain(
                ("livekit", given[-1]), f"livekit.{' and livekit.'.join(given)} exclude each other; keep one of them"
            )
            return None
        if section.token_file:
            return self._token_file(section.token_file)
        if section.token_endpoint:
            return self._token_endpoint(section.token_endpoint)
        if has_key or "LIVEKIT_API_KEY" in self._environ:
            return self._api_key()
        return self._handed_over()

    def _handed_over(self) -> Credentials | None:
        """Credentials of the service manager, of which nothing has to be said."""
        token = credentials.existing(credentials.TOKEN, self._environ)
        if token is not None:
            return TokenFile(token) if self._content("token_file", token) else None
        if credentials.existing(credentials.API_KEY, self._environ):
            return self._api_key()
        self._problems.add_plain(("livekit",), f"livekit: {_HOW_TO}")
        return None

    def _token_file(self, value: str) -> TokenFile | None:
        path = self._path("token_file", value)
        content = self._content("token_file", path) if path else None
        return None if path is None or content is None else TokenFile(path)

    def _token_endpoint(self, url: str) -> TokenEndpoint | None:
        if urlsplit(url).scheme not in ("http", "https"):
            self._problems.add(("livekit", "token_endpoint"), "must begin with http:// or https://")
            return None
        return TokenEndpoint(url, self._section.room or "", self._section.identity or "")

    def _api_key(self) -> ApiKey | None:
        section = self._section
        key = self._secret("api_key_file", section.api_key_file, "LIVEKIT_API_KEY", credentials.API_KEY)
        secret = self._secret("api_secret_file", section.api_secret_file, "LIVEKIT_API_SECRET", credentials.API_SECRET)
        for name, value in (("room", section.room), ("identity", section.identity)):
            if not value:
                self._problems.add_plain(("livekit",), f"livekit.{name} is required to mint tokens with an API key")
        if not (key and secret and section.room and section.identity):
            return None
        register_secret(secret)
        return ApiKey(key, secret, section.room, section.identity, bool(section.can_subscribe))

    def _secret(self, name: str, value: str | None, variable: str, credential: str) -> str | None:
        """As the setting says, else the environment, else the conventional credential."""
        if value:
            path = self._path(name, value)
            return self._content(name, path) if path else None
        if found := self._environ.get(variable, "").strip():
            return found
        if path := credentials.existing(credential, self._environ):
            return self._content(name, path)
        self._problems.add_plain(
            ("livekit",),
            f"livekit.{name} is required, or {variable} in the environment, or the credential {credential}",
        )
        return None

    def _path(self, name: str, value: str) -> Path | None:
        """Of a file, or of a credential that must be there; else None with a problem noted."""
        if not value.startswith(credentials.PREFIX):
            return absolute(self._document, ("livekit", name), value)
        credential = value.removeprefix(credentials.PREFIX)
        path = credentials.existing(credential, self._environ)
        if path is None:
            self._unusable(name, credentials.missing(credential, self._environ))
        return path

    def _content(self, name: str, path: Path) -> str | None:
        """The text of a small file; None, with a problem noted, when it cannot be used."""
        content = ""
        try:
            content = path.read_text(encoding="utf-8").strip()
            problem = "" if content else f"{path} is empty"
        except FileNotFoundError:
            problem = f"there is no file {path}"
        except (OSError, UnicodeDecodeError) as error:
            problem = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
        if problem:
            self._unusable(name, problem)
        return content or None

    def _unusable(self, name: str, text: str) -> None:
        path: KeyPath = ("livekit", name)
        said = self._document.value(path)
        self._problems.add_plain(path, f'livekit.{name} = "{said}": {text}' if said else f"livekit: {text}")

    def _ice(self, section: IceSection) -> IceConfig:
        loopback = None if section.loopback in (None, "auto") else bool(section.loopback)
        servers = section.servers
        given = None if servers is None or servers == "from-server" else self._servers(servers)
        return IceConfig(given, section.ipv6 is not False, loopback)

    def _servers(self, sections: list[IceServerSection]) -> tuple[IceServer, ...]:
        servers = []
        for index, section in enumerate(sections):
            urls = (section.urls,) if isinstance(section.urls, str) else tuple(section.urls)
            self._check_ice_urls(index, urls, section)
            register_secret(section.credential or "")
            servers.append(IceServer(urls, section.username or "", section.credential or ""))
        return tuple(servers)

    def _check_ice_urls(self, index: int, urls: tuple[str, ...], section: IceServerSection) -> None:
        path: KeyPath = ("livekit", "ice", "servers", index, "urls")
        if any(not url.startswith(_ICE_SCHEMES) for url in urls) or not urls:
            self._problems.add(path, 'must begin with stun:, turn: or turns:, as in "stun:stun.example.com:3478"')
        is_turn = any(url.startswith("turn") for url in urls)
        if is_turn and not (section.username and section.credential):
            self._problems.add(path, "a TURN server needs username and credential")


def absolute(document: Document, path: KeyPath, value: str) -> Path:
    """A path setting, relative to the file that says it."""
    origin = document.origin(path)
    base = origin.file.parent if origin else Path()
    return (base / value).absolute()


def _url_problem(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        return 'must begin with ws:// or wss://, as in "wss://livekit.example.com"'
    try:
        parts = urlsplit(url)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError as error:
        return f"is no address: {error}"
    return "" if has_host else 'names no host, as in "wss://livekit.example.com"'
