"""The list of breached passwords: searching it, and refusing what is no such list."""

import base64
import hashlib
import os
import subprocess
import sys

import pytest

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server import app
from server.auth.breached import BreachedPasswords, UnusableListError
from server.auth.one_time_tokens import Purpose
from server.commands.exit_codes import ExitCode
from server.settings import MisconfiguredError
from tests.server.running_core import PASSWORD, bearer, core_settings, refused, running_core

LOST = "a fine password that was lost"
COUNT = 100_000


def line(password: str, count: int = 3) -> str:
    return f"{digest(password)}:{count}"


def digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


@pytest.fixture(scope="module")
def lines():
    """As many lines as a small list has; `lost 0` to `lost 99999` are in it, and `LOST`."""
    return sorted(line(each) for each in [LOST, *(f"lost {number}" for number in range(COUNT))])


@pytest.fixture(scope="module")
def path(lines, tmp_path_factory):
    path = tmp_path_factory.mktemp("breached") / "hashes.txt"
    path.write_bytes("".join(f"{each}\r\n" for each in lines).encode())
    return path


@pytest.fixture
def written(tmp_path):
    """Writes a list and opens it."""
    opened = []

    def write(text: str | bytes) -> BreachedPasswords:
        path = tmp_path / "list.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        opened.append(BreachedPasswords(path))
        return opened[-1]

    yield write
    for each in opened:
        each.close()


class TestSearching:
    def test_finds_every_password_of_the_list_and_no_other(self, path):
        breached = BreachedPasswords(path)

        assert all(breached.contains(f"lost {number}") for number in range(0, COUNT, 7))
        assert not any(breached.contains(f"kept {number}") for number in range(5000))
        breached.close()

    @pytest.mark.parametrize("ending", ["\n", "\r\n"])
    @pytest.mark.parametrize("last", ["", None])
    @pytest.mark.parametrize("change", [str.upper, str.lower])
    @pytest.mark.parametrize("size", [1, 2, 3, 10])
    def test_finds_the_first_the_last_and_those_between(self, written, ending, last, change, size):
        passwords = sorted((f"lost {number}" for number in range(size)), key=digest)
        text = ending.join(change(line(each, 10**number)) for number, each in enumerate(passwords))

        breached = written(text + (ending if last is None else last))

        assert all(breached.contains(each) for each in passwords)
        assert not any(breached.contains(f"kept {number}") for number in range(100))

    def test_looks_for_both_what_is_typed_and_its_normal_form(self, written):
        breached = written(line("ﬁne"))
        assert breached.contains("ﬁne")
        assert not breached.contains("fine")

        breached = written(line("fine"))
        assert breached.contains("ﬁne")

    def test_needs_no_more_than_forty_looks(self, path, monkeypatch):
        breached = BreachedPasswords(path)
        looks = []
        at = BreachedPasswords._digest_at
        monkeypatch.setattr(
            BreachedPasswords,
            "_digest_at",
            lambda self, *where: looks.append(1) or at(self, *where),
        )

        breached.contains("kept")

        assert len(looks) <= 40
        breached.close()


class TestRefusing:
    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"\n",
            b"no list at all",
            b"x" * 10_000_000,
            b"\xef\xbb\xbf" + line("lost").encode(),
            line("lost").replace(":", " ").encode(),
            line("lost").encode() + b"\n\n\n",
            digest("lost").encode() + b":",
            digest("lost").encode() + b":1" + b"0" * 70,
            b"PK\x03\x04" + b"\0" * 5000,
        ],
    )
    def test_what_is_no_list_is_refused(self, written, text):
        with pytest.raises(UnusableListError):
            written(text)

    def test_a_list_that_is_missing_is_refused(self, tmp_path):
        with pytest.raises(UnusableListError, match="No such file"):
            BreachedPasswords(tmp_path / "nowhere")
        with pytest.raises(UnusableListError):
            BreachedPasswords(tmp_path)

    def test_a_list_ordered_otherwise_is_refused(self, written, lines):
        by_count = [lines[-1], *lines[:-1]]
        for unsorted in (reversed(lines), by_count, [lines[0], lines[0]]):
            with pytest.raises(UnusableListError, match="sorted"):
                written("\n".join(unsorted))

    def test_a_list_that_is_garbled_far_inside_is_not_taken_for_an_answer(self, written, lines):
        text = "\n".join(lines).encode()
        near = text.index(digest("lost 1").encode())
        assert written(text).contains("lost 1")
        garbled = text[: near - 2000] + b"?" * 4000 + text[near + 2000 :]

        with pytest.raises(UnusableListError):
            written(garbled).contains("lost 1")

    def test_the_core_refuses_to_start_and_names_the_setting(
        self, database_url, valkey_url, tmp_path
    ):
        path = tmp_path / "list.txt"
        path.write_text("no list at all")
        settings = core_settings(database_url, valkey_url, breached_passwords=path)

        for start in (app.check, app.build):
            with pytest.raises(MisconfiguredError, match=r"LIMEN_BREACHED_PASSWORDS: .*list\.txt"):
                start(settings)


def test_the_process_ends_with_the_code_for_a_wrong_setting(database_url, valkey_url, tmp_path):
    settings = {
        "LIMEN_PROFILE": "test",
        "LIMEN_DATABASE_URL": database_url,
        "LIMEN_VALKEY_URL": valkey_url,
        "LIMEN_SECRET_KEY": base64.urlsafe_b64encode(b"s" * 32).decode(),
        "LIMEN_BREACHED_PASSWORDS": str(tmp_path / "nowhere"),
        "LIMEN_CORE_PROCESSES": "2",
    }

    done = subprocess.run(
        [sys.executable, "-m", "server"],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == ExitCode.MISCONFIGURED
    assert done.stderr.startswith("limen cannot start: LIMEN_BREACHED_PASSWORDS: cannot use")


@pytest.fixture
async def core(database_url, valkey_url, path):
    settings = core_settings(database_url, valkey_url, breached_passwords=path)
    async with running_core(settings) as running:
        yield running


class TestRefusingPasswords:
    def assert_breached(self, answer, field):
        assert answer.reason == "PASSWORD_BREACHED"
        assert answer.faults == {field: "password.breached"}
        assert answer.messages[field]

    async def test_at_sign_up(self, core):
        request = auth_pb2.SignUpRequest(email=core.fresh_email(), password=LOST)

        self.assert_breached(await refused(core.auth.SignUp(request)), "password")

    async def test_of_accounts_that_an_administrator_creates(self, core):
        request = users_pb2.CreateUserRequest(email=core.fresh_email(), password=LOST)
        admin = await core.bearer("admin")

        self.assert_breached(
            await refused(core.users.CreateUser(request, metadata=admin)), "password"
        )

    async def test_at_a_change(self, core):
        account = await core.user()
        here = bearer(await core.sign_in(account.user.email))
        request = auth_pb2.ChangePasswordRequest(current_password=PASSWORD, new_password=LOST)

        self.assert_breached(
            await refused(core.auth.ChangePassword(request, metadata=here)), "new_password"
        )
        await core.sign_in(account.user.email)

    async def test_at_a_reset_whose_link_can_be_used_again(self, core):
        account = await core.user()
        async with core.domain.database.transaction() as tx:
            await core.domain.letters.send_token(
                tx, account.user.user_id, Purpose.RESET_PASSWORD, template="reset_password"
            )
        token = await core.mailed_token(account.user.email, "reset_password")
        request = auth_pb2.ResetPasswordRequest(token=token, new_password=LOST)

        self.assert_breached(await refused(core.auth.ResetPassword(request)), "new_password")
        request.new_password = "an entirely new password"
        await core.auth.ResetPassword(request)

    async def test_a_common_password_is_called_weak_as_ever(self, core):
        request = auth_pb2.SignUpRequest(email=core.fresh_email(), password="password123")

        assert (await refused(core.auth.SignUp(request))).reason == "PASSWORD_TOO_WEAK"
