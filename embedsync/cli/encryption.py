"""Certificate and key of ``--ssl-certfile`` and ``--ssl-keyfile``, tried before anything starts."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from embedsync.errors import ConfigurationError

__all__ = ["Encryption", "encryption"]


@dataclass(frozen=True, slots=True)
class Encryption:
    """What https needs.

    Attributes:
        certificate: path of the certificate, with its chain.
        key: path of the private key; ``None`` if it is in the same file.
        password: of the key.
    """

    certificate: str
    key: str | None
    password: str | None


def encryption(certificate: str | None, key: str | None, password: str | None) -> Encryption | None:
    """Check certificate and key; ``None`` if there is no certificate.

    Raises:
        ConfigurationError: one cannot be read, or they don't belong together.
    """
    if certificate is None:
        if key is not None:
            raise ConfigurationError("--ssl-keyfile needs the certificate, too: name it with --ssl-certfile")
        return None
    for option, path in (("--ssl-certfile", certificate), ("--ssl-keyfile", key)):
        if path is not None and not Path(path).is_file():
            raise ConfigurationError(f"{option}: there is no file {path!r}")
    try:
        # With an empty password nothing is asked for on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password or "")
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or "not usable"
        raise ConfigurationError(
            f"certificate {certificate} and key {key or certificate}: {reason}; "
            "a password comes from BOKEH_SSL_PASSWORD"
        ) from error
    return Encryption(certificate, key, password)
