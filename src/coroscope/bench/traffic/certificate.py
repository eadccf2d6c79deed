"""A certificate of the moment, for TLS within this machine."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from pathlib import Path

from coroscope.bench.traffic.serving import Unavailable

_MAKE = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_SUBJECT = ("-subj", "/CN=localhost", "-days", "1")


def server_context() -> ssl.SSLContext:
    """For servers, with a new certificate. Unavailable where there is no `openssl`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key.pem"), Path(folder, "certificate.pem")
        try:
            subprocess.run(
                [*_MAKE, *_SUBJECT, "-keyout", key, "-out", certificate], check=True, capture_output=True
            )
        except FileNotFoundError as error:
            raise Unavailable("needs the command openssl, which makes the certificate") from error
        context.load_cert_chain(certificate, key)
    return context


def client_context() -> ssl.SSLContext:
    """For clients that speak to this machine alone, and ask for no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
