"""How recovery codes are written and read."""

import secrets

from hypothesis import given
from hypothesis import strategies as st

from server.factors.recovery_codes import normalized, shown


def test_a_code_is_four_groups_of_four_signs_that_cannot_be_confused():
    assert shown(bytes(10)) == "0000-0000-0000-0000"
    assert shown(bytes([0xFF] * 10)) == "ZZZZ-ZZZZ-ZZZZ-ZZZZ"
    assert not set("ILOU") & {sign for _ in range(100) for sign in shown(secrets.token_bytes(10))}


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_no_bit_of_chance_is_lost(first, second):
    assert (normalized(shown(first)) == normalized(shown(second))) == (first == second)


@given(st.binary(min_size=10, max_size=10))
def test_case_blanks_and_hyphens_do_not_matter(chance):
    code = shown(chance)
    bare = code.replace("-", "")

    for spelling in (code.lower(), bare, code.replace("-", " "), f"  {bare[:3]}--{bare[3:]} "):
        assert normalized(spelling) == normalized(code)


def test_letters_that_look_like_digits_are_read_as_digits():
    assert normalized("oO-iI lL") == "001111"
