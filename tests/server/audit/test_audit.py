"""The log: reading it, writing to it, following it, and who may not touch it."""

import asyncio
from uuid import uuid4

import asyncpg
import grpc
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import DBAPIError

from limen.audit.v1 import audit_pb2
from limen.auth.v1 import auth_pb2
from server.audit.sequencer import Sequencer
from server.platform.database import connection_arguments
from tests.server.running_core import bearer, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def sequencer(core):
    return Sequencer(database=core.domain.database, registry=CollectorRegistry())


@pytest_asyncio.fixture(loop_scope="module")
async def auditor(core):
    return await core.bearer("auditor")


async def listed(core, metadata, **fields):
    request = audit_pb2.ListEventsRequest(**fields)
    return await core.audit.ListEvents(request, metadata=metadata)


async def record(core, metadata, **fields):
    fields = {"action": "x.billing.refund", "outcome": audit_pb2.OUTCOME_SUCCESS} | fields
    request = audit_pb2.RecordEventRequest(**fields)
    return (await core.audit.RecordEvent(request, metadata=metadata)).event


async def watching(core):
    """Returns once the core follows the log for somebody."""
    async with asyncio.timeout(10):
        while not core.domain.audit._watchers:  # noqa: ASYNC110 - nothing tells of a new watcher
            await asyncio.sleep(0.01)


async def test_an_action_can_be_found_by_its_request_id(core, auditor):
    account = await core.user()
    request_id = uuid4().hex
    await core.sign_in(account.user.email, metadata=(("x-request-id", request_id),))

    events = (await listed(core, auditor, filter=f'request_id = "{request_id}"')).events

    assert [event.action for event in events] == ["auth.sign_in"]
    assert events[0].actor.id == events[0].subject.id == str(account.user.user_id)
    assert events[0].outcome == audit_pb2.OUTCOME_SUCCESS
    assert events[0].network == "127.0.0.1"


async def test_events_are_listed_newest_first_in_pages(core, auditor):
    account = await core.user()
    for _ in range(5):
        await core.sign_in(account.user.email)
    condition = f'actor.id = "{account.user.user_id}" AND action = "auth.sign_in"'
    found, token = [], ""
    while True:
        page = await listed(core, auditor, filter=condition, page_size=2, page_token=token)
        found += page.events
        token = page.next_page_token
        if not token:
            break

    assert len({event.event_id for event in found}) == len(found) == 5
    times = [event.time.ToNanoseconds() for event in found]
    assert times == sorted(times, reverse=True)


async def test_filters_by_time_and_outcome(core, auditor):
    account = await core.user()
    await refused(core.sign_in(account.user.email, "a wrong password"))
    subject = f'subject.id = "{account.user.user_id}"'

    failed = await listed(core, auditor, filter=f"{subject} AND outcome = OUTCOME_FAILURE")
    future = await listed(core, auditor, filter=f'{subject} AND time > "2100-01-01T00:00:00Z"')

    assert [event.details["reason"] for event in failed.events] == ["SIGN_IN_FAILED"]
    assert not future.events


async def test_one_event_is_found_by_its_id(core, auditor):
    event = (await listed(core, auditor, page_size=1)).events[0]
    request = audit_pb2.GetEventRequest(event_id=event.event_id)

    assert (await core.audit.GetEvent(request, metadata=auditor)).event == event


async def test_an_unknown_event_is_not_found(core, auditor):
    request = audit_pb2.GetEventRequest(event_id=str(uuid4()))

    answer = await refused(core.audit.GetEvent(request, metadata=auditor))

    assert answer.metadata == {"resource": "event"}


async def test_only_auditors_read(core):
    assert (await refused(listed(core, await core.bearer()))).reason == "PERMISSION_DENIED"
    assert (await refused(listed(core, ()))).reason == "UNAUTHENTICATED"


async def test_services_write_in_their_own_words(core):
    service = await core.bearer("service")
    subject = audit_pb2.Subject(type="invoice", id="42")

    event = await record(core, service, subject=subject, details={"amount": "12.00 €"})

    assert event.action == "x.billing.refund"
    assert event.subject == subject
    assert dict(event.details) == {"amount": "12.00 €"}
    assert event.actor.type == "user"


async def test_repeating_a_key_writes_once(core):
    service = await core.bearer("service")

    repeated = (record(core, service, event_key="refund-42") for _ in range(50))
    events = await asyncio.gather(*repeated)

    assert len({event.event_id for event in events}) == 1


async def test_a_key_belongs_to_its_caller(core):
    one, other = [await core.bearer("service") for _ in range(2)]

    events = [await record(core, caller, event_key="refund-43") for caller in (one, other)]

    assert events[0].event_id != events[1].event_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("action", "auth.sign_in"),
        ("action", "x"),
        ("action", "x." + "a" * 200),
        ("outcome", 0),
        ("outcome", 99),
        ("event_key", "with blank"),
        ("details", {"bad key!": "x"}),
        ("details", {"k": "nul\x00"}),
        ("details", {str(n): "x" for n in range(40)}),
        ("subject", audit_pb2.Subject(type="user")),
    ],
    ids=str,
)
async def test_what_cannot_be_an_event_is_refused_by_field(core, field, value):
    answer = await refused(record(core, await core.bearer("service"), **{field: value}))

    assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
    assert any(name.startswith(field) for name in answer.faults)


async def test_places_are_dense_whatever_order_transactions_commit_in(core, sequencer):
    await asyncio.gather(*(refused(core.sign_in(core.fresh_email(), "x")) for _ in range(40)))
    while await sequencer.place_pending():
        pass

    rows = await core.sql("SELECT index FROM audit.places ORDER BY index")
    events = await core.event_count()

    assert [row.index for row in rows] == list(range(events))


async def test_two_sequencers_give_no_place_twice(core, sequencer):
    await asyncio.gather(*(refused(core.sign_in(core.fresh_email(), "x")) for _ in range(20)))
    other = Sequencer(database=core.domain.database, registry=CollectorRegistry())

    await asyncio.gather(*(each.place_pending() for each in (sequencer, other) * 5))

    rows = await core.sql("SELECT index FROM audit.places ORDER BY index")
    assert [row.index for row in rows] == list(range(len(rows)))
    assert len(rows) == await core.event_count()


async def test_a_watcher_sees_every_event_in_order(core, sequencer, auditor):
    while await sequencer.place_pending():
        pass
    stream = core.audit.WatchEvents(audit_pb2.WatchEventsRequest(first_index=0), metadata=auditor)
    already = await core.event_count()
    seen = [(await stream.read()).event for _ in range(already)]

    account = await core.user()
    await core.sign_in(account.user.email)
    while await sequencer.place_pending():
        pass
    seen += [(await stream.read()).event for _ in range(await core.event_count() - already)]
    stream.cancel()

    assert [event.index for event in seen] == list(range(len(seen)))
    assert seen[-1].action == "auth.sign_in"


async def test_a_watcher_starts_with_what_comes(core, sequencer, auditor):
    while await sequencer.place_pending():
        pass
    stream = core.audit.WatchEvents(audit_pb2.WatchEventsRequest(), metadata=auditor)
    reading = asyncio.create_task(stream.read())
    await watching(core)
    await core.auth.SignUp(
        auth_pb2.SignUpRequest(email=core.fresh_email(), password="a quiet evening at sea")
    )
    while not reading.done():
        await sequencer.place_pending()
        await asyncio.sleep(0.01)
    stream.cancel()

    assert (await reading).event.action == "auth.sign_up"


async def test_stopping_the_core_ends_a_stream_with_a_hint(core, auditor):
    stream = core.audit.WatchEvents(audit_pb2.WatchEventsRequest(), metadata=auditor)
    reading = asyncio.create_task(stream.read())
    await watching(core)

    core.domain.audit.close()

    assert (await refused(reading)).reason == "UNAVAILABLE"


@pytest.mark.compatibility
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit.events SET action = ''",
        "DELETE FROM audit.events",
        "TRUNCATE audit.events",
        "UPDATE audit.places SET index = 9",
        "DELETE FROM audit.places",
    ],
)
async def test_the_application_cannot_rewrite_history(core, statement):
    with pytest.raises(DBAPIError) as refusal:
        await core.sql(statement)

    assert isinstance(refusal.value.orig.__cause__, asyncpg.InsufficientPrivilegeError)


async def test_an_action_whose_event_cannot_be_stored_is_refused(core, database_url):
    account = await core.user()
    here = bearer(await core.sign_in(account.user.email))
    owner = await asyncpg.connect(**connection_arguments(database_url))
    await owner.execute("REVOKE INSERT ON audit.events FROM limen_app")
    try:
        answer = await refused(core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=here))
    finally:
        await owner.execute("GRANT INSERT ON audit.events TO limen_app")
        await owner.close()

    assert answer.reason == "INTERNAL"
    rows = await core.sql(
        "SELECT revoke_time FROM auth.sessions WHERE user_id = :id", id=account.user.user_id
    )
    assert [row.revoke_time for row in rows] == [None]
