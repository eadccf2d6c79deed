"""TLS contexts for the name `localhost`."""

from __future__ import annotations

import ssl
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""A key and the certificate that it signed for itself, valid until 2126. For these tests only: the key is public."""


def server_context() -> ssl.SSLContext:
    """Shows the certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


def client_context() -> ssl.SSLContext:
    """Trusts the certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


def distrustful_context() -> ssl.SSLContext:
    """A client that trusts nobody."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
