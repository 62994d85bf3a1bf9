import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.facts import facts_of, network_of


def scope_with(*headers, client=("203.0.113.9", 4711), method="GET"):
    return {"type": "http", "method": method, "headers": list(headers), "client": client}


def test_a_good_request_id_is_kept():
    assert facts_of(scope_with((b"x-request-id", b"abc-DEF_1.9"))).request_id == "abc-DEF_1.9"


@pytest.mark.parametrize(
    "value", [b"", b"short", b"a" * 129, b"with blank!", b"new\nline12", b"caf\xc3\xa9-caf\xc3\xa9"]
)
def test_any_other_request_id_is_replaced(value):
    request_id = facts_of(scope_with((b"x-request-id", value))).request_id
    assert len(request_id) == 32
    assert int(request_id, 16)


def test_two_request_ids_are_none():
    twice = (b"x-request-id", b"abcdefgh")
    assert len(facts_of(scope_with(twice, twice)).request_id) == 32


def test_facts_are_read_once():
    scope = scope_with()
    assert facts_of(scope) is facts_of(scope)


def test_authorization_overrules_the_cookie():
    cookie = (b"cookie", b"__Host-limen_session=abc")
    assert facts_of(scope_with(cookie)).session == "abc"
    assert facts_of(scope_with(cookie, (b"authorization", b"Bearer x"))).session == ""


def test_cookies_may_come_in_several_headers():
    scope = scope_with((b"cookie", b"a=b"), (b"cookie", b"__Host-limen_session=abc"))
    assert facts_of(scope).session == "abc"


def test_languages_and_agents_are_bounded():
    facts = facts_of(
        scope_with(
            (b"accept-language", b"de, " * 100),
            (b"user-agent", b"Mozilla\xff\x00" + b"x" * 500),
        )
    )
    assert facts.language == ""
    assert facts.user_agent == ("Mozilla??" + "x" * 500)[:256]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        (b"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n", False),
        (b"nonsense", False),
    ],
)
def test_only_a_trace_context_is_one(value, kept):
    assert facts_of(scope_with((b"traceparent", value))).traceparent == (
        value.decode() if kept else ""
    )


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:0db8:0:0:0:0:0:1", "2001:db8::1"),
        ("unknown", ""),
        ("", ""),
        ("1.2.3.4, 5.6.7.8", ""),
    ],
)
def test_networks_are_addresses_in_their_shortest_form(host, network):
    assert network_of(host) == network


def test_a_socket_without_a_peer_has_no_network():
    assert facts_of(scope_with(client=None)).network == ""


names = st.sampled_from(
    [b"cookie", b"authorization", b"x-request-id", b"accept-language", b"user-agent", b"origin"]
)


@given(st.lists(st.tuples(names, st.binary(max_size=300))))
def test_no_head_breaks_the_reading(headers):
    facts = facts_of(scope_with(*headers))
    texts = (facts.request_id, facts.session, facts.language, facts.user_agent)
    assert all(text.isascii() and (text.isprintable() or not text) for text in texts)
