"""TLS on the core's gRPC listeners, with certificates that are replaced while it runs.

A listener either asks for no client certificate or demands one: gRPC for Python knows nothing
between the two. So programs that show certificates have a listener of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from server.settings import MisconfiguredError, Settings

_log = structlog.get_logger(__name__)

_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the certificate chain and the private key of the core lie, in PEM."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    """The authorities of client certificates. Given, a client has to show one."""

    def check(self) -> None:
        """Raises `MisconfiguredError` for files that cannot be used, or do not belong together."""
        self._read()

    def credentials(self) -> grpc.ServerCredentials:
        """What a listener proves itself with. The files are looked at again at each handshake.

        Raises `MisconfiguredError` for files that cannot be used.
        """
        renewals = _Renewals(stamp=self._stamp, read=self._read)
        return grpc.dynamic_ssl_server_credentials(
            renewals.first,
            renewals.next,  # type: ignore[arg-type]  # the stubs forget that None is no change
            require_client_authentication=self.client_ca is not None,
        )

    def _stamp(self) -> _Stamp:
        found = [path.stat() for path in (self.certificate, self.key, self.client_ca) if path]
        return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in found)

    def _read(self) -> grpc.ServerCertificateConfiguration:
        try:
            chain, key = self.certificate.read_bytes(), self.key.read_bytes()
            authorities = self.client_ca.read_bytes() if self.client_ca else None
            certificate, *_ = x509.load_pem_x509_certificates(chain)
            belongs = certificate.public_key() == load_pem_private_key(key, None).public_key()
            if authorities is not None:
                x509.load_pem_x509_certificates(authorities)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise MisconfiguredError(f"the files of TLS cannot be used: {error}") from error
        if not belongs:
            raise MisconfiguredError("LIMEN_TLS_KEY is not the key of LIMEN_TLS_CERTIFICATE")
        return grpc.ssl_server_certificate_configuration(
            [(key, chain)], root_certificates=authorities
        )


def files_of(settings: Settings, *, demanding: bool = False) -> TlsFiles | None:
    """The files for a listener; None where it is plain text.

    demanding: whether clients have to show a certificate.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    client_ca = settings.tls_client_ca if demanding else None
    return TlsFiles(settings.tls_certificate, settings.tls_key, client_ca)


class _Renewals:
    """Tells gRPC about a new certificate, and keeps the old one while the new is unusable."""

    def __init__(
        self,
        *,
        stamp: Callable[[], _Stamp],
        read: Callable[[], grpc.ServerCertificateConfiguration],
    ) -> None:
        self._stamp_now = stamp
        self._read = read
        self._stamp = stamp()
        self.first = read()

    def next(self) -> grpc.ServerCertificateConfiguration | None:
        """The new certificate; None while it is the same. Called by gRPC, in threads of its own."""
        try:
            stamp = self._stamp_now()
            if stamp == self._stamp:
                return None
            # Noted before it is read: what is unusable now is complained about once.
            self._stamp = stamp
            renewed = self._read()
        except (OSError, MisconfiguredError) as error:
            _log.warning("tls.not_renewed", error=str(error))
            return None
        _log.info("tls.renewed")
        return renewed
