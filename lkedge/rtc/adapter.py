# lkedge: pure
"""The self-check of what we use of aiortc, aioice, pylibsrtp and pyOpenSSL beyond their documented interface.

Only `dtls` (aiortc), `dtls_context` (pyOpenSSL), `ice_connection` (aioice) and `srtp_batch`
(pylibsrtp) touch such names. Each lists them, and has them checked before first use, so that
an unsuitable version is named and not felt.
"""

from __future__ import annotations

from collections.abc import Iterable

from lkedge.errors import TransportError


class UnsuitableLibrary(TransportError):
    """An installed library lacks something we need."""

    retryable = False


def require_attributes(owner: object, names: Iterable[str], library: str, installed: str, tested: str) -> None:
    """Check that `owner`, a class or an instance, has all `names`.

    Raises:
        UnsuitableLibrary: naming the missing ones and the versions that were tested.
    """
    missing = [name for name in names if not hasattr(owner, name)]
    if missing:
        owner_name = owner.__name__ if isinstance(owner, type) else type(owner).__name__
        raise UnsuitableLibrary(
            f"{library} {installed} has no {owner_name}.{', '.join(missing)}; install {library} {tested}"
        )
