"""Service accounts in PostgreSQL: users of their kind, with secrets and certificates."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import Record
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from server.apikeys.model import CertificateRow, ClientSecretRow
from server.platform.database import Transaction
from server.users.repository import ACCOUNT, Account, account

_SERVICE = f"{ACCOUNT} WHERE kind = 'service'"

_SHOWN = """
    SELECT account.*, (
        SELECT last_use_time FROM apikeys.client_secrets AS kept
        WHERE kept.user_id = account.user_id
    ) AS last_use_time, ARRAY(
        SELECT thumbprint FROM apikeys.certificates AS held
        WHERE held.user_id = account.user_id ORDER BY create_time, thumbprint
    ) AS thumbprints
    FROM ({}) AS account ORDER BY user_id
"""

_FIND = _SHOWN.format(f"{_SERVICE} AND user_id = $1")
_PAGE = _SHOWN.format(f"{_SERVICE} AND user_id > $1 ORDER BY user_id LIMIT $2")

_SECRET = "SELECT secret_hash FROM apikeys.client_secrets WHERE user_id = $1"

_IS_BOUND = (
    "SELECT EXISTS (SELECT FROM apikeys.certificates WHERE thumbprint = $1 AND user_id = $2)"
)

# To within a minute, so that a program which asks all the time does not write all the time.
_TOUCH = """
    UPDATE apikeys.client_secrets SET last_use_time = $2::timestamptz
    WHERE user_id = $1
        AND coalesce(last_use_time, '-infinity') < $2::timestamptz - interval '1 minute'
"""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The account of a program."""

    account: Account
    thumbprints: tuple[str, ...]
    """Of its certificates, in the order in which they came."""
    last_use_time: datetime | None
    """When it was last given a token."""


async def find(tx: Transaction, user_id: UUID) -> ServiceAccount | None:
    """The service account of this id."""
    record = await tx.pg.fetchrow(_FIND, user_id)
    return None if record is None else _service_account(record)


async def hold(tx: Transaction, user_id: UUID) -> Account | None:
    """The service account of this id, which cannot change until `tx` ends; others may hold it."""
    record = await tx.pg.fetchrow(f"{_SERVICE} AND user_id = $1 FOR SHARE OF users", user_id)
    return None if record is None else account(record)


async def page(tx: Transaction, *, after: UUID, size: int) -> list[ServiceAccount]:
    """Up to `size` service accounts, in the order of their ids."""
    return [_service_account(record) for record in await tx.pg.fetch(_PAGE, after, size)]


async def set_secret(tx: Transaction, user_id: UUID, secret_hash: bytes, now: datetime) -> None:
    """Makes a secret the one in force."""
    new = insert(ClientSecretRow).values(user_id=user_id, secret_hash=secret_hash, update_time=now)
    await tx.execute(
        new.on_conflict_do_update(
            index_elements=["user_id"],
            set_={"secret_hash": new.excluded.secret_hash, "update_time": new.excluded.update_time},
        )
    )


async def secret_hash(tx: Transaction, user_id: UUID) -> bytes | None:
    """The secret in force of a service account, as it is stored."""
    found: bytes | None = await tx.pg.fetchval(_SECRET, user_id)
    return found


async def touch(tx: Transaction, user_id: UUID, now: datetime) -> None:
    """Notes that a service account is given a token."""
    await tx.pg.execute(_TOUCH, user_id, now)


async def is_bound(tx: Transaction, thumbprint: str, user_id: UUID) -> bool:
    """Whether a certificate belongs to a service account."""
    return bool(await tx.pg.fetchval(_IS_BOUND, thumbprint, user_id))


async def bind(tx: Transaction, thumbprint: str, user_id: UUID, now: datetime) -> bool:
    """Gives a certificate to a service account. False when one has it already."""
    added = (
        insert(CertificateRow)
        .values(thumbprint=thumbprint, user_id=user_id, create_time=now)
        .on_conflict_do_nothing()
        .returning(CertificateRow.thumbprint)
    )
    return (await tx.execute(added)).first() is not None


async def unbind(tx: Transaction, thumbprint: str, user_id: UUID) -> bool:
    """Takes a certificate from a service account. False when it has not got it."""
    taken = (
        delete(CertificateRow)
        .where(CertificateRow.thumbprint == thumbprint, CertificateRow.user_id == user_id)
        .returning(CertificateRow.thumbprint)
    )
    return (await tx.execute(taken)).first() is not None


async def count_certificates(tx: Transaction, user_id: UUID) -> int:
    """How many certificates a service account has."""
    counted = (
        select(func.count()).select_from(CertificateRow).where(CertificateRow.user_id == user_id)
    )
    return await tx.scalar(counted) or 0


def _service_account(record: Record) -> ServiceAccount:
    return ServiceAccount(account(record), tuple(record["thumbprints"]), record["last_use_time"])
