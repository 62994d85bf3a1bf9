"""Sessions, tokens and keys as messages."""

from datetime import datetime

from limen.auth.v1 import auth_pb2
from server.assurance import SecondFactor
from server.auth.challenges import Challenge
from server.auth.credentials import TokenPair
from server.auth.keyring import VerifyingKey
from server.auth.model import SessionRow
from server.auth.second_step import Code
from server.auth.session_control import ApiKey
from server.auth.subscription import News
from server.auth.tokens import ALGORITHM, Claims
from server.caller import Caller, Delivery
from server.platform.vault import encode
from server.wire import timestamp

_DELIVERIES = {
    auth_pb2.CREDENTIAL_DELIVERY_TOKENS: Delivery.TOKENS,
    auth_pb2.CREDENTIAL_DELIVERY_COOKIE: Delivery.COOKIE,
}


_FACTORS = {
    SecondFactor.TOTP: auth_pb2.SECOND_FACTOR_TOTP,
    SecondFactor.RECOVERY_CODE: auth_pb2.SECOND_FACTOR_RECOVERY_CODE,
    SecondFactor.PASSKEY: auth_pb2.SECOND_FACTOR_PASSKEY,
}


def delivery(wanted: auth_pb2.CredentialDelivery.ValueType) -> Delivery | None:
    """How credentials are wanted, if the client says."""
    return _DELIVERIES.get(wanted)


def code(request: auth_pb2.VerifySignInRequest | auth_pb2.ReauthenticateRequest) -> Code | None:
    """The code with which a second factor is shown, if one is."""
    match request.WhichOneof("proof"):
        case "totp_code":
            return Code(SecondFactor.TOTP, request.totp_code)
        case "recovery_code":
            return Code(SecondFactor.RECOVERY_CODE, request.recovery_code)
        case _:
            return None


def challenge(opened: Challenge) -> auth_pb2.Challenge:
    """The message for a challenge."""
    return auth_pb2.Challenge(
        challenge_token=opened.token,
        factors=[_FACTORS[factor] for factor in opened.factors],
        expire_time=timestamp(opened.expire_time),
    )


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


def introspection(found: Claims | ApiKey | None) -> auth_pb2.IntrospectTokenResponse:
    """What is known of a token (RFC 7662, section 2.2)."""
    if found is None:
        return auth_pb2.IntrospectTokenResponse(active=False)
    return _introspected_token(found) if isinstance(found, Claims) else _introspected_key(found)


def _introspected_key(key: ApiKey) -> auth_pb2.IntrospectTokenResponse:
    principal, expire_time = key.principal, key.expire_time
    return auth_pb2.IntrospectTokenResponse(
        active=True,
        sub=str(principal.user_id),
        sid=str(principal.session_id),
        scope=" ".join(sorted(principal.permissions)),
        exp=int(expire_time.timestamp()) if expire_time else None,
        iat=int(key.create_time.timestamp()),
        token_type="ApiKey",
    )


def _introspected_token(claims: Claims) -> auth_pb2.IntrospectTokenResponse:
    confirmation = None
    if claims.certificate is not None:
        confirmation = auth_pb2.Confirmation(x5t_s256=claims.certificate)
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
        client_id=claims.client_id,
        cnf=confirmation,
    )


def jwk(key: VerifyingKey) -> auth_pb2.Jwk:
    """The message for a public key (RFC 8037, section 2)."""
    return auth_pb2.Jwk(
        kty="OKP", crv="Ed25519", x=encode(key.raw), kid=key.key_id, alg=ALGORITHM, use="sig"
    )


def news(told: News) -> auth_pb2.WatchRevocationsResponse:
    """The message for news about revocations."""
    return auth_pb2.WatchRevocationsResponse(
        revocations=[
            auth_pb2.Revocation(
                session_id=str(each.session_id),
                time=timestamp(each.time),
                forget_time=timestamp(each.forget_time),
            )
            for each in told.revocations
        ],
        cursor=told.cursor,
        keys_changed=told.keys_changed,
    )
