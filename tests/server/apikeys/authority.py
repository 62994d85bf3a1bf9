"""An authority that makes certificates for tests."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, in PEM."""

    certificate: bytes
    key: bytes

    @property
    def text(self) -> str:
        return self.certificate.decode()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Where certificate and key now lie."""
        paths = folder / f"{name}.pem", folder / f"{name}.key"
        for path, data in zip(paths, (self.certificate, self.key), strict=True):
            draft = path.with_suffix(".draft")
            draft.write_bytes(data)
            draft.rename(path)
        return paths


class Authority:
    """Signs certificates for 127.0.0.1 and for programs."""

    def __init__(self, name: str = "an authority of tests") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        certificate = _certificate(self._name, self._name, self._key, self._key, is_authority=True)
        self.pem = certificate.public_bytes(Encoding.PEM)

    def identity(self, name: str) -> Identity:
        """A fresh certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(_name(name), self._name, key, self._key, is_authority=False)
        return Identity(
            certificate.public_bytes(Encoding.PEM),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )

    def write(self, path: Path) -> Path:
        """Where the certificate of the authority now lies."""
        path.write_bytes(self.pem)
        return path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(subject, issuer, key, signing_key, *, is_authority: bool) -> x509.Certificate:
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(signing_key, SHA256())
    )
