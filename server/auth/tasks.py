"""What the worker does for this slice: finding out whom a letter is for, and sending it."""

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from server.auth import letters, repository
from server.auth.letters import Letters, Registered
from server.auth.model import OneTimeTokenRow
from server.auth.one_time_tokens import Purpose, make
from server.jobs.mail import Mail, Mailer
from server.jobs.runner import Handler, Job
from server.jobs.templates import Templates
from server.platform.clock import Clock
from server.platform.database import Transaction
from server.platform.vault import Vault
from server.users import repository as users
from server.users.addresses import email_key
from server.users.model import ACTIVE, PERSON
from server.users.repository import Account

_PAGES = {
    "verify_email": "/verify-email",
    "reset_password": "/reset-password",
    "sign_up_notice": "/sign-in",
    "change_email": "/verify-email",
}
_WITH_LINK = frozenset({"verify_email", "reset_password", "change_email"})


class AuthTasks:
    """Handlers of this slice's jobs."""

    def __init__(
        self,
        *,
        letters: Letters,
        mailer: Mailer,
        templates: Templates,
        vault: Vault,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._letters = letters
        self._mailer = mailer
        self._templates = templates
        self._vault = vault
        self._clock = clock
        self._public_url = public_url.rstrip("/")

    def handlers(self) -> Mapping[str, Handler]:
        """The handler of each kind of job."""
        return {
            letters.LETTER: self.send_letter,
            letters.RESEND_VERIFICATION: self.resend_verification,
            letters.REQUEST_PASSWORD_RESET: self.request_password_reset,
        }

    async def send_letter(self, tx: Transaction, job: Job) -> None:
        """Writes a letter to a user and sends it, unless the user or the link is gone meanwhile."""
        account = await users.find(tx, UUID(job.args["user_id"]))
        if account is None or account.user.kind != PERSON:
            return
        template = job.args["template"]
        token = await self._token(tx, job)
        if template in _WITH_LINK and not self._still_works(token):
            return
        to = await self._recipient(tx, account, token, job)
        if to is None:
            return
        name, language = account.user.display_name, account.user.locale
        if token is not None and token.locale:
            # Until the address is confirmed, the letter answers this very sign-up.
            name, language = token.display_name or "", token.locale
        written = self._templates.write(
            template, language, name=name, link=self._link(template, job)
        )
        await self._mailer.send(
            Mail(
                to=to,
                subject=written.subject,
                text=written.text,
                html=written.html,
                job_id=job.job_id,
            )
        )

    async def resend_verification(self, tx: Transaction, job: Job) -> None:
        """Replaces the newest open confirmation link of an address, if there is one."""
        account = await users.find_by_email(tx, self._letters.address(job.args["address"]))
        if account is None or account.user.email_verified:
            return
        user_id = account.user.user_id
        open_token = await repository.newest_open_token(tx, user_id, Purpose.VERIFY_EMAIL)
        await repository.void_tokens(tx, user_id, Purpose.VERIFY_EMAIL, now=self._clock.now())
        await self._letters.send_token(
            tx,
            user_id,
            Purpose.VERIFY_EMAIL,
            template="verify_email",
            registered=_registered(open_token) if open_token else None,
        )

    async def request_password_reset(self, tx: Transaction, job: Job) -> None:
        """Makes a reset link for the owner of an address, if there is one; older ones die."""
        account = await users.find_by_email(tx, self._letters.address(job.args["address"]))
        if account is None or account.user.state != ACTIVE:
            return
        user_id = account.user.user_id
        await repository.void_tokens(tx, user_id, Purpose.RESET_PASSWORD, now=self._clock.now())
        await self._letters.send_token(
            tx, user_id, Purpose.RESET_PASSWORD, template="reset_password"
        )

    async def _recipient(
        self, tx: Transaction, account: Account, token: OneTimeTokenRow | None, job: Job
    ) -> str | None:
        """Whom to write to; None where the account is to move to an address that is taken."""
        if "address" in job.args:
            return self._letters.address(job.args["address"])
        if token is None or token.email is None:
            return account.user.email
        taken = await users.email_is_taken(
            tx, email_key(token.email), by_other_than=account.user.user_id
        )
        return None if taken else token.email

    async def _token(self, tx: Transaction, job: Job) -> OneTimeTokenRow | None:
        token_id = job.args.get("token_id")
        return await repository.token(tx, UUID(token_id)) if token_id else None

    def _still_works(self, token: OneTimeTokenRow | None) -> bool:
        """Whether a link is worth sending: it may have expired or been replaced while it waited."""
        return (
            token is not None
            and token.consume_time is None
            and self._clock.now() < token.expire_time
        )

    def _link(self, template: str, job: Job) -> str:
        page = _PAGES.get(template, "/account")
        if template not in _WITH_LINK:
            return f"{self._public_url}{page}"
        token = make(self._vault, UUID(job.args["token_id"]))
        return f"{self._public_url}{page}?{urlencode({'token': token})}"


def _registered(token: OneTimeTokenRow) -> Registered:
    return Registered(token.encoded, token.display_name, token.locale, token.network)
