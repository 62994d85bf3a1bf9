"""What follows from the root secret: sealing, deriving, and a change of keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.platform.clock import Entropy
from server.platform.vault import SealBrokenError, Vault, decode, digest, encode

OLD, NEW = b"o" * 32, b"n" * 32
PLACE = "auth.signing_keys/sealed/1"


def vault(*keys: bytes) -> Vault:
    return Vault(keys=keys, entropy=Entropy())


class TestSealing:
    @given(st.binary(max_size=200), st.text(max_size=50))
    def test_what_was_sealed_opens_at_its_place(self, value, place):
        assert vault(OLD).open(place, vault(OLD).seal(place, value)) == value

    @pytest.mark.parametrize("place", ["", PLACE + "0", "users.users/sealed/1"])
    def test_it_opens_at_no_other_place(self, place):
        with pytest.raises(SealBrokenError):
            vault(OLD).open(place, vault(OLD).seal(PLACE, b"private"))

    def test_a_change_of_any_bit_is_noticed(self):
        sealed = vault(OLD).seal(PLACE, b"private")
        for position in range(len(sealed)):
            changed = bytearray(sealed)
            changed[position] ^= 1
            with pytest.raises(SealBrokenError):
                vault(OLD).open(PLACE, bytes(changed))

    @pytest.mark.parametrize("length", [0, 1, 11, 12, 13, 27])
    def test_a_value_that_was_cut_off_is_noticed(self, length):
        sealed = vault(OLD).seal(PLACE, b"private")

        with pytest.raises(SealBrokenError):
            vault(OLD).open(PLACE, sealed[:length])

    def test_sealing_twice_gives_different_values(self):
        assert len({vault(OLD).seal(PLACE, b"private") for _ in range(100)}) == 100

    def test_the_value_does_not_show(self):
        assert b"private" not in vault(OLD).seal(PLACE, b"private")


class TestDeriving:
    def test_a_purpose_separates(self):
        one, other = (vault(OLD).derive(purpose, b"message") for purpose in ("one", "other"))

        assert one != other
        assert not vault(OLD).verify("other", b"message", one)

    def test_only_the_holder_of_the_secret_can_derive(self):
        assert not vault(OLD).verify("one", b"message", vault(NEW).derive("one", b"message"))

    @pytest.mark.parametrize("derived", [b"", b"x", b"x" * 32, b"x" * 33])
    def test_what_was_made_up_does_not_verify(self, derived):
        assert not vault(OLD).verify("one", b"message", derived)


class TestChangingTheKey:
    def test_what_the_old_key_made_still_works(self):
        sealed, derived = vault(OLD).seal(PLACE, b"private"), vault(OLD).derive("one", b"message")
        both = vault(NEW, OLD)

        assert both.open(PLACE, sealed) == b"private"
        assert both.verify("one", b"message", derived)

    def test_the_new_key_makes_what_is_new(self):
        both = vault(NEW, OLD)

        assert vault(NEW).open(PLACE, both.seal(PLACE, b"private")) == b"private"
        assert both.derive("one", b"message") == vault(NEW).derive("one", b"message")

    def test_what_a_key_made_dies_with_it(self):
        sealed, derived = vault(OLD).seal(PLACE, b"private"), vault(OLD).derive("one", b"message")

        with pytest.raises(SealBrokenError):
            vault(NEW).open(PLACE, sealed)
        assert not vault(NEW).verify("one", b"message", derived)


class TestText:
    @given(st.binary(max_size=100))
    def test_decoding_is_the_inverse_of_encoding(self, data):
        assert decode(encode(data)) == data

    @given(st.text(max_size=50))
    def test_a_text_has_one_reading_or_none(self, text):
        try:
            data = decode(text)
        except ValueError:
            return
        assert encode(data) == text

    @pytest.mark.parametrize("text", ["AB", "AA==", "A A", "AA+/", "é", "\ud800", "AAA\n"])
    def test_other_spellings_are_refused(self, text):
        with pytest.raises(ValueError):  # noqa: PT011 - a standard error, which says no more
            decode(text)

    def test_a_digest_does_not_depend_on_any_key(self):
        assert digest("token") == digest("token") != digest("tokem")
