"""Serves the viewer page on loop-back, and hands it the room's address and a token.

Only this machine can reach it. `/session` answers only requests whose Host is a loop-back name
and that do not come from another site, so that a page elsewhere cannot fetch the token through
the user's browser (DNS rebinding, cross-site requests). Nothing is logged.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
BUNDLE = "livekit-client.umd.js"
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/viewer.js": ("viewer.js", "text/javascript; charset=utf-8"),
    "/viewer.css": ("viewer.css", "text/css; charset=utf-8"),
    f"/{BUNDLE}": (BUNDLE, "text/javascript; charset=utf-8"),
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss: http: https:; media-src 'self' blob:; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
SAME_SITE = frozenset({"", "none", "same-origin"})
REQUEST_DEADLINE_S = 10.0

SessionProvider = Callable[[], Mapping[str, str]]
"""A fresh {"url", "token", "room"} for one viewer. Called on a thread of the server."""


class ViewerServer:
    """The page at `url` from `start` to `stop`, in a thread named "lkedge-viewer"."""

    def __init__(self, session: SessionProvider, *, port: int = 0) -> None:
        """port: 0 takes a free one. Raises OSError when the port is taken."""
        self._http = _HttpServer(("127.0.0.1", port), session)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), name="lkedge-viewer", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; open connections are cut."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def has_bundle() -> bool:
    """Whether livekit-client is there (tools/setup-viewer.sh fetches it); without it the page cannot work."""
    return (FOLDER / BUNDLE).is_file()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], session: SessionProvider) -> None:
        super().__init__(address, _Handler)
        self.session = session

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer
    server_version = "lkedge"
    sys_version = ""
    timeout = REQUEST_DEADLINE_S

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0]
        if path == "/session":
            self._session()
        elif path in FILES:
            self._file(*FILES[path])
        else:
            self._send(HTTPStatus.NOT_FOUND, b"not found\n", "text/plain")

    def _session(self) -> None:
        if not self._is_own_page():
            self._send(HTTPStatus.FORBIDDEN, b"only for the viewer page on this machine\n", "text/plain")
            return
        body = json.dumps(dict(self.server.session())).encode()
        self._send(HTTPStatus.OK, body, "application/json")

    def _is_own_page(self) -> bool:
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        return host in LOOPBACK_NAMES and self.headers.get("Sec-Fetch-Site", "") in SAME_SITE

    def _file(self, name: str, content_type: str) -> None:
        try:
            body = (FOLDER / name).read_bytes()
        except FileNotFoundError:
            self._send(HTTPStatus.NOT_FOUND, f"{name} is missing: run tools/setup-viewer.sh\n".encode(), "text/plain")
            return
        self._send(HTTPStatus.OK, body, content_type)

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: a line per request would disturb the live table."""
