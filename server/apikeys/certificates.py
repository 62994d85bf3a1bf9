"""Client certificates, by the thumbprint that tokens are bound to (RFC 8705, section 3.1)."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from server.platform.vault import encode

_BEGIN = "-----BEGIN "


class CertificateUnreadableError(Exception):
    """Not one X.509 certificate in PEM."""


def thumbprint(pem: str) -> str:
    """The SHA-256 of the one certificate that a text in PEM holds, base64url.

    Raises `CertificateUnreadableError` for anything else; a private key beside the certificate, or
    a second certificate, shows that somebody has sent more than they meant to.
    """
    if pem.count(_BEGIN) != 1:
        raise CertificateUnreadableError
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise CertificateUnreadableError from error
    return encode(hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest())
