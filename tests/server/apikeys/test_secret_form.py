"""The form of secrets: recognisable, unguessable, and with typing errors found at once."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.apikeys import secret_form

CHANCE = st.binary(min_size=secret_form.CHANCE_BYTES, max_size=secret_form.CHANCE_BYTES)


@given(CHANCE)
def test_what_is_made_is_well_formed_and_of_its_kind_alone(chance):
    secret = secret_form.make(secret_form.API_KEY, chance)

    assert re.fullmatch(r"lmk_[0-9A-Za-z]{49}", secret)
    assert secret_form.is_well_formed(secret_form.API_KEY, secret)
    assert not secret_form.is_well_formed(secret_form.CLIENT_SECRET, secret)


@given(CHANCE, CHANCE)
def test_different_chance_makes_different_secrets(one, other):
    made = {secret_form.make(secret_form.API_KEY, chance) for chance in (one, other)}

    assert len(made) == len({one, other})


@given(CHANCE, st.integers(4, 52), st.sampled_from("0123456789ABCabcXYZxyz"))
def test_a_wrong_character_is_found(chance, place, character):
    secret = secret_form.make(secret_form.API_KEY, chance)
    wrong = secret[:place] + character + secret[place + 1 :]

    assert secret_form.is_well_formed(secret_form.API_KEY, wrong) is (wrong == secret)


@given(st.text(max_size=80))
def test_whatever_text_may_come(text):
    assert not secret_form.is_well_formed(secret_form.API_KEY, text)
    assert not secret_form.is_well_formed(secret_form.API_KEY, f"lmk_{text}")


@pytest.mark.parametrize("chance", [bytes(32), b"\xff" * 32])
def test_the_length_is_always_the_same(chance):
    assert len(secret_form.make(secret_form.CLIENT_SECRET, chance)) == 53


def test_the_hint_tells_little():
    secret = secret_form.make(secret_form.API_KEY, bytes(range(32)))

    assert secret.startswith(secret_form.hint(secret))
    assert len(secret_form.hint(secret)) == 8
