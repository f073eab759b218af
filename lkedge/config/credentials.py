"""Secrets that the service manager hands over: files in $CREDENTIALS_DIRECTORY (systemd.exec(5), LoadCredential=).

A setting that names a file of a secret may say "credential:NAME" instead. Where nothing
at all is said of a token or key, credentials with the names below are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PREFIX = "credential:"
DIRECTORY = "CREDENTIALS_DIRECTORY"

TOKEN = "lkedge.token"
API_KEY = "lkedge.api-key"
API_SECRET = "lkedge.api-secret"
E2EE_KEY = "lkedge.e2ee-key"
"""Reserved for the key of end-to-end encryption, which lkedge does not do; the units hand it over, nothing reads it."""


def path_of(name: str, environ: Mapping[str, str]) -> Path | None:
    """Where the credential is, or would be; None when there are none, or that is no name of one."""
    directory = environ.get(DIRECTORY, "")
    if not directory or not name or "/" in name or name in (".", ".."):
        return None
    return Path(directory, name)


def existing(name: str, environ: Mapping[str, str]) -> Path | None:
    """The credential if it was handed over."""
    path = path_of(name, environ)
    return path if path is not None and path.is_file() else None


def missing(name: str, environ: Mapping[str, str]) -> str:
    """Why there is no such credential, and the remedy; for a message."""
    if path_of(name, environ) is None and environ.get(DIRECTORY):
        return f"{name!r} is no name of a credential: write {PREFIX}NAME, as in {PREFIX}{TOKEN}"
    if DIRECTORY not in environ:
        return "there are no credentials here: they exist in a systemd service only; name a file instead"
    return f"there is no credential {name}: put it into /etc/credstore/{name} and restart, or see docs/service.md"
