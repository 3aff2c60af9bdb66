"""TLS towards SAP: whom to trust, and the certificate of one's own for mutual TLS."""

from __future__ import annotations

import ssl


def load_certificate(context: ssl.SSLContext, cert_file: str, key_file: str | None) -> None:
    """Use this certificate for new connections; the key may be in the same file (PEM).

    Raises OSError or ssl.SSLError, also for a key that is protected by a password.
    """
    # Without a password given OpenSSL would ask the terminal for one.
    context.load_cert_chain(cert_file, key_file, password=_no_password)


def _no_password() -> str:
    raise ssl.SSLError("the key is protected by a password")
