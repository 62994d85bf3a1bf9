"""API keys: made, listed and ended."""

import asyncio
from datetime import timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from limen.apikeys.v1 import apikeys_pb2
from server.apikeys import secret_form
from tests.server.apikeys.machines import ME, Owner, presenting
from tests.server.running_core import EDGE_SECRET, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


def at(moment) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


async def me(core, secret, **options):
    return (await core.users.GetUser(ME, metadata=presenting(secret), **options)).user


class TestMaking:
    async def test_a_key_says_whose_it_is(self, core):
        owner = await Owner.of(core)

        made = await owner.key()

        assert (await me(core, made.secret)).user_id == owner.user_id
        assert made.api_key.hint == made.secret[:8]
        assert secret_form.is_well_formed(secret_form.API_KEY, made.secret)

    async def test_the_secret_is_shown_once_and_kept_as_a_hash_alone(self, core):
        owner = await Owner.of(core)
        secret = (await owner.key()).secret

        rows = await core.sql("SELECT * FROM apikeys.keys WHERE user_id = :id", id=owner.user_id)
        told = await core.sql("SELECT details::text FROM audit.events")

        assert secret not in str(rows)
        assert secret not in str(told)
        assert secret not in str(await owner.listed())

    async def test_a_key_lives_for_ninety_days_unless_told_otherwise(self, core):
        owner = await Owner.of(core)
        wanted = core.clock.now() + timedelta(days=364)

        usual, long = await owner.key(), await owner.key(expire_time=at(wanted))

        life = usual.api_key.expire_time.ToDatetime() - usual.api_key.create_time.ToDatetime()
        assert life == timedelta(days=90)
        assert long.api_key.expire_time == at(wanted)

    @pytest.mark.parametrize("days", [366, 4000, 2_900_000])
    async def test_nobody_gets_a_key_for_longer_than_a_year(self, core, days):
        owner = await Owner.of(core)

        answer = await refused(owner.key(expire_time=at(core.clock.now() + timedelta(days=days))))

        assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
        assert set(answer.faults) == {"expire_time"}
        assert answer.messages["expire_time"]

    async def test_nobody_gets_a_key_that_has_expired(self, core):
        owner = await Owner.of(core)

        answer = await refused(owner.key(expire_time=at(core.clock.now() - timedelta(days=1))))

        assert set(answer.faults) == {"expire_time"}

    async def test_scopes_come_back_sorted(self, core):
        owner = await Owner.of(core, "support")

        made = await owner.key("users.read", "roles.read")

        assert made.api_key.scopes == ["roles.read", "users.read"]

    async def test_a_scope_has_to_exist(self, core):
        owner = await Owner.of(core, "admin")

        answer = await refused(owner.key("users.read", "users.reed", "x"))

        assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
        assert set(answer.faults) == {"scopes[1]", "scopes[2]"}
        assert "users.reed" in answer.messages["scopes[1]"]

    async def test_a_scope_has_to_be_held(self, core):
        owner = await Owner.of(core, "support")

        answer = await refused(owner.key("users.read", "users.update"))

        assert answer.reason == "PERMISSION_DENIED"
        assert answer.metadata["permission"] == "users.update"
        denied = await core.events(action="api_keys.create", actor_id=owner.user_id)
        assert [each.outcome for each in denied] == ["denied"]

    @pytest.mark.parametrize("name", ["Schlüssel für Ötzi", "鍵 🔑", "a" * 100, "  padded  "])
    async def test_names_are_the_owners_affair(self, core, name):
        owner = await Owner.of(core)

        assert (await owner.key(display_name=name)).api_key.display_name == name.strip()

    @pytest.mark.parametrize(
        "name", ["", "   ", "a" * 101, "line\nbreak", "hid\u200dden", "\u202e"]
    )
    async def test_but_they_can_be_read(self, core, name):
        owner = await Owner.of(core)

        answer = await refused(owner.key(display_name=name))

        assert set(answer.faults) == {"display_name"}
        assert answer.messages["display_name"]

    async def test_fifty_parallel_creations_at_the_limit_make_what_is_left(self, core):
        owner = await Owner.of(core)
        await core.sql(
            """
            INSERT INTO apikeys.keys (api_key_id, user_id, display_name, secret_hash, hint, scopes,
                create_time, expire_time, revoke_time)
            SELECT gen_random_uuid(), user_id, 'old', sha256((user_id::text || n)::bytea), '', '{}',
                now(), now() + interval '1 day', CASE WHEN n > 95 THEN now() END
            FROM users.users, generate_series(1, 100) AS n WHERE user_id = :id
            """,
            id=owner.user_id,
        )

        answers = await asyncio.gather(*(owner.key() for _ in range(50)), return_exceptions=True)

        made = [each for each in answers if not isinstance(each, BaseException)]
        assert len(made) == 5
        answer = await refused(owner.key())
        assert (answer.reason, answer.code) == (
            "LIMIT_REACHED",
            grpc.StatusCode.FAILED_PRECONDITION,
        )
        assert answer.metadata == {"resource": "api_key", "limit": "100"}
        await owner.revoke(made[0].api_key.api_key_id)
        assert await owner.key()

    async def test_an_old_session_has_to_prove_itself_anew(self, core):
        owner = await Owner.of(core)
        await core.sql(
            "UPDATE auth.sessions SET proof_time = now() - interval '61 minutes'"
            " WHERE user_id = :id",
            id=owner.user_id,
        )
        core.domain.sessions.forget_all()

        assert (await refused(owner.key())).reason == "PROOF_TOO_OLD"

    async def test_making_and_ending_leave_one_event_each(self, core):
        owner = await Owner.of(core, "support")
        made = await owner.key("users.read")
        await owner.revoke(made.api_key.api_key_id)

        events = await core.events(subject_id=made.api_key.api_key_id)

        assert [(each.action, each.outcome, each.actor_id) for each in events] == [
            ("api_keys.create", "success", owner.user_id),
            ("api_keys.revoke", "success", owner.user_id),
        ]
        assert events[0].details["scopes"] == "users.read"


class TestListing:
    async def test_pages_hold_every_live_key_once_the_newest_first(self, core):
        owner = await Owner.of(core)
        made = [(await owner.key()).api_key.api_key_id for _ in range(5)]

        seen, token = [], ""
        while True:
            page = await owner.listed(page_size=2, page_token=token)
            seen += [each.api_key_id for each in page.api_keys]
            token = page.next_page_token
            if not token:
                break

        assert seen == made[::-1]

    async def test_a_page_token_is_its_owners(self, core):
        owner, other = await Owner.of(core), await Owner.of(core)
        for _ in range(2):
            await owner.key()
        token = (await owner.listed(page_size=1)).next_page_token

        assert (await refused(other.listed(page_token=token))).reason == "PAGE_TOKEN_INVALID"

    async def test_the_last_use_is_told_to_the_minute_with_its_network(self, core):
        owner = await Owner.of(core)
        secret = (await owner.key()).secret
        assert not (await owner.listed()).api_keys[0].HasField("last_use_time")
        edge = (("limen-edge-secret", EDGE_SECRET), ("limen-client-network", "192.0.2.7"))

        before = core.clock.now()
        await core.users.GetUser(ME, metadata=presenting(secret) + edge)

        (key,) = (await owner.listed()).api_keys
        assert key.last_use_network == "192.0.2.7"
        assert key.last_use_time.ToDatetime().second == 0
        assert key.last_use_time.ToDatetime() <= before.replace(tzinfo=None)

    async def test_uses_are_not_written_by_the_call(self, core):
        owner = await Owner.of(core)
        made = await owner.key()
        await core.domain.live_keys.flush()
        await me(core, made.secret)

        query = "SELECT last_use_time FROM apikeys.keys WHERE api_key_id = :id"
        before = await core.sql(query, id=made.api_key.api_key_id)
        await core.domain.live_keys.flush()
        after = await core.sql(query, id=made.api_key.api_key_id)

        assert before[0][0] is None or before == after  # the task may have been faster
        assert after[0][0] is not None


async def test_requests_that_make_no_sense_are_refused(core):
    owner = await Owner.of(core)
    for api_key_id in ("", "x", "0" * 36, "../" * 12):
        request = apikeys_pb2.RevokeApiKeyRequest(api_key_id=api_key_id)
        answer = await refused(owner.keys.RevokeApiKey(request, metadata=owner.metadata))
        assert set(answer.faults) == {"api_key_id"}

    assert (await refused(owner.key("Users.Read"))).faults
    assert (await refused(owner.key("users.read", "users.read"))).faults
