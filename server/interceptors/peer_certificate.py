"""The client certificate of a connection, by the thumbprint that tokens are bound to (RFC 8705)."""

import hashlib
import ssl

from server.caller import Origin
from server.interceptors.call import Context
from server.platform.vault import encode

_CERTIFICATE = "x509_pem_cert"


def thumbprint(context: Context, origin: Origin) -> str | None:
    """The SHA-256 of the certificate that TLS has verified, base64url; None where there is none.

    A certificate of the edge says nothing about those for whom it speaks.
    """
    shown = None if origin.by_edge else context.auth_context().get(_CERTIFICATE)
    if not shown:
        return None
    return encode(hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown[0].decode())).digest())
