"""Sessions, tokens and keys as messages."""

from datetime import datetime

from limen.auth.v1 import auth_pb2
from server.auth.credentials import TokenPair
from server.auth.keyring import VerifyingKey
from server.auth.model import SessionRow
from server.auth.signing_in import Delivery
from server.auth.tokens import ALGORITHM, Claims
from server.caller import Caller
from server.platform.vault import encode
from server.wire import timestamp

_DELIVERIES = {
    auth_pb2.CREDENTIAL_DELIVERY_UNSPECIFIED: Delivery.TOKENS,
    auth_pb2.CREDENTIAL_DELIVERY_TOKENS: Delivery.TOKENS,
    auth_pb2.CREDENTIAL_DELIVERY_COOKIE: Delivery.COOKIE,
}


def delivery(wanted: auth_pb2.CredentialDelivery.ValueType) -> Delivery:
    """How credentials are wanted."""
    return _DELIVERIES[wanted]


def session(row: SessionRow, *, idle_expire_time: datetime, current: bool) -> auth_pb2.Session:
    """The message for a session."""
    return auth_pb2.Session(
        session_id=str(row.session_id),
        user_id=str(row.user_id),
        create_time=timestamp(row.create_time),
        last_use_time=timestamp(row.last_use_time),
        idle_expire_time=timestamp(idle_expire_time),
        expire_time=timestamp(row.expire_time),
        amr=row.amr,
        user_agent=row.user_agent,
        network=row.network,
        current=current,
    )


def is_current(row: SessionRow, caller: Caller) -> bool:
    """Whether a session is the caller's own."""
    return caller.principal is not None and caller.principal.session_id == row.session_id


def tokens(pair: TokenPair) -> auth_pb2.Tokens:
    """The message for a pair of tokens."""
    return auth_pb2.Tokens(
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        access_token_expire_time=timestamp(pair.access_expire_time),
        refresh_token_expire_time=timestamp(pair.refresh_expire_time),
    )


def introspection(claims: Claims | None) -> auth_pb2.IntrospectTokenResponse:
    """What is known of a token (RFC 7662, section 2.2)."""
    if claims is None:
        return auth_pb2.IntrospectTokenResponse(active=False)
    return auth_pb2.IntrospectTokenResponse(
        active=True,
        sub=str(claims.user_id),
        sid=str(claims.session_id),
        jti=claims.token_id,
        iss=claims.issuer,
        aud=claims.audience,
        scope=claims.scope,
        amr=claims.amr,
        acr=claims.acr,
        exp=int(claims.expire_time.timestamp()),
        iat=int(claims.issue_time.timestamp()),
        auth_time=int(claims.auth_time.timestamp()),
        token_type="Bearer",
    )


def jwk(key: VerifyingKey) -> auth_pb2.Jwk:
    """The message for a public key (RFC 8037, section 2)."""
    return auth_pb2.Jwk(
        kty="OKP", crv="Ed25519", x=encode(key.raw), kid=key.key_id, alg=ALGORITHM, use="sig"
    )
