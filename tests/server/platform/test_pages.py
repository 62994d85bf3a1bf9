"""Page tokens: bound to their list and filter, and unforgeable."""

import base64
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import errors
from server.platform.clock import Entropy
from server.platform.pages import Pages, Position
from server.platform.vault import Vault

PAGES = Pages(vault=Vault(keys=[b"k" * 32], entropy=Entropy()))


@given(st.binary(max_size=64), st.text(max_size=100))
def test_a_token_leads_back_to_its_position(position, filter_text):
    token = PAGES.token("users", filter_text, position)

    assert PAGES.position("users", filter_text, token) == position


def test_the_first_page_has_no_token():
    assert PAGES.position("users", "", "") is None


@pytest.mark.parametrize(
    ("listing", "filter_text"),
    [("events", "a"), ("users", ""), ("users", "b"), ("users\0a", ""), ("user", "s\0a")],
)
def test_a_token_is_worth_nothing_elsewhere(listing, filter_text):
    token = PAGES.token("users", "a", b"position")

    with pytest.raises(errors.PageTokenInvalid):
        PAGES.position(listing, filter_text, token)


def test_a_token_of_another_secret_is_refused():
    other = Pages(vault=Vault(keys=[b"x" * 32], entropy=Entropy()))

    with pytest.raises(errors.PageTokenInvalid):
        PAGES.position("users", "", other.token("users", "", b"position"))


def test_no_bit_of_a_token_can_be_changed():
    raw = base64.urlsafe_b64decode(PAGES.token("users", "", b"p" * 16) + "==")
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1
        token = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        with pytest.raises(errors.PageTokenInvalid):
            PAGES.position("users", "", token)


@given(st.text(min_size=1, max_size=100))
def test_whatever_is_made_up_is_refused_by_field(text):
    with pytest.raises(errors.PageTokenInvalid) as refusal:
        PAGES.position("users", "", text)

    assert [fault.field for fault in refusal.value.faults] == ["page_token"]


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_position_survives_its_packing(moment, identifier):
    position = Position(moment, identifier)

    assert Position.unpack(position.pack()) == position
