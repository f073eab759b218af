"""The OpenSSL context of a DTLS handshake, made without writable and executable memory.

aiortc has pyOpenSSL call a Python function to accept the peer's certificate, and pyOpenSSL
makes that callable with `ffi.callback()` of cffi, for which MemoryDenyWriteExecute= of
systemd (PR_SET_MDWE) leaves no memory: MemoryError in every handshake. The callbacks of
ctypes need none where libffi has static trampolines, as in Debian.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any, Protocol

import OpenSSL
from OpenSSL import SSL, _util

from lkedge.rtc.adapter import require_attributes

TESTED_PYOPENSSL = ">=26,<27"
CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"
"""As aiortc offers them."""

VERIFY_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)

require_attributes(_util, ("lib", "ffi"), "pyOpenSSL", OpenSSL.__version__, TESTED_PYOPENSSL)


class SrtpProfile(Protocol):
    """What is needed of aiortc's SRTPProtectionProfile."""

    openssl_profile: bytes


def _accept(_is_trusted: int, _store: int | None) -> int:
    """Any certificate: peers sign their own, and the fingerprint decides after the handshake (RFC 8122, section 5)."""
    return 1


_ACCEPT = VERIFY_CALLBACK(_accept)
"""Lives as long as the process: OpenSSL keeps its address."""


def dtls_context(key: Any, certificate: Any, profiles: Iterable[SrtpProfile]) -> SSL.Context:
    """A context for one handshake, as aiortc's RTCCertificate makes it; the peer has to show a certificate.

    key, certificate: of cryptography. Raises UnsuitableLibrary.
    """
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_TICKET)
    _set_verify(context)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_cipher_list(CIPHERS)
    context.set_tlsext_use_srtp(b":".join(profile.openssl_profile for profile in profiles))
    return context


def _set_verify(context: SSL.Context) -> None:
    """As Context.set_verify does with a callback of its own (SSL_CTX_set_verify(3))."""
    require_attributes(context, ("_context",), "pyOpenSSL", OpenSSL.__version__, TESTED_PYOPENSSL)
    address = ctypes.cast(_ACCEPT, ctypes.c_void_p).value
    callback = _util.ffi.cast("int (*)(int, X509_STORE_CTX *)", address)
    _util.lib.SSL_CTX_set_verify(context._context, SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, callback)
