"""What the edge serves besides the API: health, metrics, mail, documentation, pages."""

import asyncio
import json
import re
import shutil

import pytest

from edge.lifecycle import Lifecycle

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEARER = {"authorization": "Bearer token"}
READY = {
    "status": "ready",
    "dependencies": {"core": "up", "postgresql": "up", "valkey": "up"},
}


async def test_the_edge_lives_without_a_core(edge, core):
    await core.stop()
    answer = await edge.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_when_all_is_up(edge):
    answer = await edge.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, READY)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("down", "name", "status"),
    [
        ("", "core", 503),
        ("dependency.postgresql", "postgresql", 503),
        ("dependency.valkey", "valkey", 200),
    ],
)
async def test_what_is_down_is_named(edge, core, down, name, status):
    await core.set_health(down, up=False)
    answer = await edge.get("/readyz")
    assert answer.status_code == status
    assert answer.json()["dependencies"] == {**READY["dependencies"], name: "down"}
    assert answer.json()["status"] == ("ready" if status == 200 else "not_ready")
    await core.set_health(down, up=True)
    assert (await edge.get("/readyz")).status_code == 200


async def test_without_a_core_nothing_is_known(edge, core):
    await core.stop()
    answer = await asyncio.wait_for(edge.get("/readyz"), 5)
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not_ready",
        "dependencies": {"core": "down", "postgresql": "unknown", "valkey": "unknown"},
    }


async def test_readiness_fails_first_and_all_is_served_still(open_edge, house, monkeypatch):
    monkeypatch.setattr(house, "lifecycle", Lifecycle())
    edge = await open_edge()
    assert (await edge.get("/readyz")).status_code == 200
    house.lifecycle.drain()
    answer = await edge.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert (await edge.get("/v1/users/me", headers=BEARER)).status_code == 200
    assert (await edge.get("/healthz")).status_code == 200


async def test_metrics_are_in_the_format_of_prometheus(edge):
    await edge.get("/v1/users/me", headers=BEARER)
    answer = await edge.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert (
        'limen_edge_requests_total{method="GET",route="/v1/users/{user_id}",status="2xx"}'
        in answer.text
    )


@pytest.fixture
def mail_dir(house):
    folder = house.data_dir / "mail"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


async def test_without_mail_there_is_none(edge):
    answer = await edge.get("/dev/mail", headers={"accept": "application/json"})
    assert answer.json() == {"messages": []}


async def test_mail_is_shown_to_programs(edge, mail_dir):
    mail = {"to": "a@b.example", "subject": "S", "text": "t", "html": "<p>h</p>", "time": "T"}
    (mail_dir / "1.json").write_text(json.dumps(mail))
    (mail_dir / "2.json").write_text(json.dumps({**mail, "subject": "newer"}))
    answer = await edge.get("/dev/mail", headers={"accept": "application/json"})
    assert answer.json() == {"messages": [{**mail, "subject": "newer"}, mail]}


async def test_mail_is_shown_to_people_and_can_do_nothing(edge, mail_dir):
    evil = {"to": "a", "subject": "<b>", "html": "<script>alert(1)</script>", "time": "T"}
    (mail_dir / "1.json").write_text(json.dumps(evil))
    answer = await edge.get("/dev/mail", headers={"accept": "text/html,*/*"})
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_production_shows_no_mail(open_edge):
    edge = await open_edge(profile="production")
    answer = await edge.get("/dev/mail", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["reason"]) == (404, "ROUTE_NOT_FOUND")


async def test_the_api_describes_itself(edge):
    answer = await edge.get("/openapi.json")
    assert answer.json()["openapi"].startswith("3.1")
    assert "/v1/auth/sign-in" in answer.json()["paths"]
    tag = {"if-none-match": answer.headers["etag"]}
    assert (await edge.get("/openapi.json", headers=tag)).status_code == 304


async def test_the_documentation_is_all_our_own(edge):
    answer = await edge.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    for path in re.findall(r'(?:src|href)="(/docs/assets/[^"]+)"', answer.text):
        assert (await edge.get(path)).status_code == 200


async def test_the_type_of_a_problem_leads_to_its_reason(edge):
    kind = (await edge.get("/nothing")).json()["type"]
    answer = await edge.get(kind)
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


@pytest.mark.parametrize("path", ["/", "/sign-in", "/sign-up", "/account", "/reset-password"])
async def test_pages_are_served_under_a_strict_policy(edge, path):
    answer = await edge.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["strict-transport-security"]
    assert answer.headers["x-request-id"]
