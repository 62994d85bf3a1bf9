"""TLS from files: whom to trust, and the certificate to show."""

from dataclasses import dataclass
from pathlib import Path

import grpc


@dataclass(frozen=True, slots=True)
class Tls:
    """The PEM files of a channel. With certificate and key it is mutual TLS.

    A service account with a certificate calls the address of limen that demands one, and gets its
    token by IssueToken without a secret (RFC 8705, section 2).
    """

    authorities: Path | None = None
    """The authorities that limen's certificate may come from; None: those that gRPC knows."""
    certificate: Path | None = None
    """The client certificate, followed by the certificates between it and its authority."""
    key: Path | None = None
    """Its private key."""

    def __post_init__(self) -> None:
        if (self.certificate is None) is not (self.key is None):
            raise ValueError("a client certificate and its key need each other")

    def credentials(self) -> grpc.ChannelCredentials:
        """What a channel is opened with. Reads the files once. Raises OSError."""
        return grpc.ssl_channel_credentials(
            root_certificates=_content(self.authorities),
            private_key=_content(self.key),
            certificate_chain=_content(self.certificate),
        )


def _content(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
