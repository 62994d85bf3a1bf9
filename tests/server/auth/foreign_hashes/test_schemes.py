"""Hashes that other systems made: what matches, what does not, and what is refused unseen."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.auth.foreign_hashes.schemes import ForeignHashes, is_foreign, read, unwrapped
from server.auth.hash_faults import CostlyHashError, MalformedHashError
from server.platform.clock import Entropy
from server.platform.vault import Vault

TYPED = "grüße, 世界 🌍"


def in_base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode().rstrip("=")


# From the documents that define the schemes, or from the documentation of those who made them.
PUBLISHED = {
    "bcrypt, OpenBSD": (
        "abc",
        "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
    ),
    "scrypt, RFC 7914, section 12": (
        "password",
        "$scrypt$ln=10,r=8,p=16$TmFDbA$"
        + in_base64(
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
            "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        ),
    ),
    "PBKDF2 with SHA-1, RFC 6070": (
        "password",
        "$pbkdf2$4096$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE",
    ),
    "PBKDF2 with SHA-256, RFC 7914, section 11": (
        "Password",
        "$pbkdf2-sha256$i=80000,l=64$TmFDbA$"
        + in_base64(
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
            "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"
        ),
    ),
    "Firebase, firebase/scrypt": (
        "user1password",
        (
            "$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw==$Bw==$"
            "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$"
            "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
        ),
    ),
}
# Made with passlib 1.7.4, bcrypt 5.0.0 and Werkzeug.
MADE = {
    "passlib pbkdf2": "$pbkdf2$1000$fY9RKuUco1QKwdg7pzRGiA$WjKujoEylhxXPm02FxT7/Wn.ebA",
    "passlib pbkdf2-sha256": (
        "$pbkdf2-sha256$1000$FuJca43xnhPifO9d653TOg$UIPc8m35/20Z6wWMz89gmu7Ke8u9vq1k9F/wEtlcMx0"
    ),
    "passlib pbkdf2-sha512": (
        "$pbkdf2-sha512$1000$v3dubW2ttVaKsRbiPKd0Dg$UQz4zesjZZlpwTvhSgeOOrwPkOkLk7pOAhTgRf2dFc3e0/"
        "MjVdFV1b6NwJlEm5iYwvX7Rv9AF0Gc5w2uh.9u0g"
    ),
    "passlib scrypt": (
        "$scrypt$ln=10,r=8,p=1$NibkXGttjbEWolSK8f6fEw$rcDe2pOf4whCdNmUJHQ7bRSeuj0he6A19AYcmUIvdZw"
    ),
    "Django pbkdf2_sha256": (
        "pbkdf2_sha256$1000$VtvJhRu7nrrO$Z6Mrz1zE+X8Gnl2uCt7g09Ni7rUcdziue+1UugaPvPw="
    ),
    "Django pbkdf2_sha1": "pbkdf2_sha1$1000$2rpV5CeseYpS$miZC4aiT/GudPjSv8jz0K3jEvoo=",
    "bcrypt $2b$": "$2b$04$1ZuYcnRzUmBT4LT21uFN6.RwM//HkKIURHJXkDjttDxxhKymJbNDS",
    "bcrypt $2y$": "$2y$04$1ZuYcnRzUmBT4LT21uFN6.RwM//HkKIURHJXkDjttDxxhKymJbNDS",
    "Werkzeug scrypt": (
        "scrypt:1024:8:1$Gf3ogyB92ELGyaw7$655867fcc729756734d2a6ce644dec26c27099a52f2056c9a0c975a803"
        "e6cc8d4d81eefce990da5158f6107adfcde4ac27968b84c90cb56282b3c000414a90cd"
    ),
    "Werkzeug pbkdf2": (
        "pbkdf2:sha256:1000$SguYe1sQfLuxP5w0$"
        "7f579f80697720f6b2c54df51047b716a04b5727c0c96dd4be5e9746a22c1b5a"
    ),
}

FIREBASE = PUBLISHED["Firebase, firebase/scrypt"][1]
TAG = "A" * 43

DAMAGED = [
    "",
    "$",
    "plain text",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
    "$2x$04$1ZuYcnRzUmBT4LT21uFN6.RwM//HkKIURHJXkDjttDxxhKymJbNDS",
    "$2b$04$1ZuYcnRzUmBT4LT21uFN6.RwM//HkKIURHJXkDjttDxxhKymJbND",
    "$2b$03$1ZuYcnRzUmBT4LT21uFN6.RwM//HkKIURHJXkDjttDxxhKymJbNDS",
    "$2b$4$1ZuYcnRzUmBT4LT21uFN6.RwM//HkKIURHJXkDjttDxxhKymJbNDS",
    "$2b$04$1ZuYcnRzUmBT4LT21uFN6.RwM//HkKIURHJXkDjttDxxhKymJbNDS\n",
    f"$scrypt$ln=10,r=8$c2FsdA${TAG}",
    f"$scrypt$ln=10,r=8,p=1,p=1$c2FsdA${TAG}",
    f"$scrypt$ln=10,r=0,p=1$c2FsdA${TAG}",
    f"$scrypt$ln=-1,r=8,p=1$c2FsdA${TAG}",
    f"$scrypt$ln=\u0661\u0660,r=8,p=1$c2FsdA${TAG}",
    "$scrypt$ln=10,r=8,p=1$c2FsdA$QQ",
    f"$scrypt$ln=10,r=8,p=1$not base64${TAG}",
    "scrypt:1000:8:1$salt$" + "00" * 32,
    "scrypt:1024:8:1$salt$" + "zz" * 32,
    f"$pbkdf2-md5$1000$c2FsdA${TAG}",
    f"$pbkdf2-sha256$0$c2FsdA${TAG}",
    f"$pbkdf2-sha256$1e3$c2FsdA${TAG}",
    f"$pbkdf2-sha256$i=1000,l=64$c2FsdA${TAG}",
    f"$pbkdf2-sha256$1000${TAG}",
    f"pbkdf2_md5$1000$salt${TAG}",
    f"pbkdf2_sha256$1000$${TAG}",
    "pbkdf2:sha256$salt$" + "00" * 32,
    FIREBASE.replace("Bw==", "B"),
    FIREBASE.replace("$Bw==", ""),
    FIREBASE[:-20],
    "$scrypt$ln=10,r=8,p=1$" + "A" * 2000 + "$" + TAG,
]

COSTLY = [
    "$2b$16$1ZuYcnRzUmBT4LT21uFN6.RwM//HkKIURHJXkDjttDxxhKymJbNDS",
    "$2b$31$1ZuYcnRzUmBT4LT21uFN6.RwM//HkKIURHJXkDjttDxxhKymJbNDS",
    f"$scrypt$ln=31,r=8,p=1$c2FsdA${TAG}",
    f"$scrypt$ln=20,r=8,p=1$c2FsdA${TAG}",
    f"$scrypt$ln=14,r=1000000000,p=1$c2FsdA${TAG}",
    f"$scrypt$ln=17,r=8,p=16$c2FsdA${TAG}",
    "scrypt:2147483648:8:1$salt$" + "00" * 32,
    f"$pbkdf2-sha256$1000000000$c2FsdA${TAG}",
    "$pbkdf2-sha1$3000000$c2FsdA$" + "A" * 170,
    f"pbkdf2_sha256$1000000000$salt${TAG}",
    "pbkdf2:sha256:1000000000$salt$" + "00" * 32,
    FIREBASE.replace("ln=14", "ln=30"),
    FIREBASE.replace("r=8", "r=4096"),
]


@pytest.fixture
def hashes():
    return ForeignHashes(vault=Vault(keys=[b"k" * 32], entropy=Entropy()))


def matches(encoded: str, password: str) -> bool:
    return read(encoded).matches(password.encode())


@pytest.mark.parametrize(("password", "encoded"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_hashes_match(password, encoded):
    assert matches(encoded, password)
    assert not matches(encoded, password + " ")
    assert not matches(encoded, "")


@pytest.mark.parametrize("encoded", MADE.values(), ids=MADE)
def test_hashes_of_other_libraries_match(encoded):
    assert is_foreign(encoded)
    assert matches(encoded, TYPED)
    assert not matches(encoded, TYPED.upper())


@pytest.mark.parametrize("encoded", DAMAGED)
def test_damage_is_refused_before_anything_is_computed(encoded):
    with pytest.raises(MalformedHashError) as refused:
        read(encoded)

    assert not isinstance(refused.value, CostlyHashError)


@pytest.mark.parametrize("encoded", COSTLY)
def test_a_hash_may_not_ask_for_more_than_is_allowed(encoded):
    with pytest.raises(CostlyHashError):
        read(encoded)


@given(st.text(alphabet="$,:=./+0123456789abcdefilnprsty_2-", max_size=80))
def test_whatever_comes_is_read_or_refused(text):
    for prefix in ("", "$2b$", "$scrypt$", "scrypt:", "$pbkdf2", "pbkdf2_", "$firebase-scrypt$"):
        try:
            read(prefix + text)
        except MalformedHashError:
            continue


class TestBcrypt:
    LONG = "$2b$04$1xCt9iivfWB34rr96hoHt.bOdrfi8mZYFXjxTB57pd6N0zHP0Zd/e"  # 72 times x

    def test_looks_at_72_bytes(self):
        assert matches(self.LONG, "x" * 72)
        assert matches(self.LONG, "x" * 72 + "whatever")
        assert not matches(self.LONG, "x" * 71)

    def test_may_cut_a_character_in_two(self):
        assert not matches(self.LONG, "x" * 71 + "é")

    def test_never_matches_a_password_with_a_nul(self):
        assert not matches(MADE["bcrypt $2b$"], TYPED + "\0")
        assert not matches(self.LONG, "x" * 72 + "\0")


class TestFirebase:
    def test_keeps_the_signer_key_sealed(self, hashes):
        signer_key = FIREBASE.split("$")[5]

        stored = hashes.stored_form(FIREBASE)

        assert signer_key not in stored
        assert signer_key.rstrip("=") not in stored
        assert hashes.stored(stored).matches(b"user1password")
        assert not hashes.stored(stored).matches(b"user2password")

    def test_ties_the_sealed_key_to_its_hash(self, hashes):
        stored = hashes.stored_form(FIREBASE).split("$")
        stored[3] = base64.b64encode(b"another salt").decode()

        with pytest.raises(MalformedHashError):
            hashes.stored("$".join(stored))

    def test_opens_under_an_older_root_key_and_under_no_other(self, hashes):
        stored = hashes.stored_form(FIREBASE)
        rotated = ForeignHashes(vault=Vault(keys=[b"n" * 32, b"k" * 32], entropy=Entropy()))
        foreign = ForeignHashes(vault=Vault(keys=[b"n" * 32], entropy=Entropy()))

        assert rotated.stored(stored).matches(b"user1password")
        with pytest.raises(MalformedHashError):
            foreign.stored(stored)


def test_a_hash_without_a_secret_is_stored_as_it_is(hashes):
    for encoded in MADE.values():
        assert hashes.stored_form(encoded) == encoded


def test_the_wrapping_of_django_is_taken_off():
    argon2 = "$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"

    assert unwrapped("argon2" + argon2) == argon2
    assert unwrapped("bcrypt$" + MADE["bcrypt $2b$"]) == MADE["bcrypt $2b$"]
    assert unwrapped(MADE["Django pbkdf2_sha256"]) == MADE["Django pbkdf2_sha256"]
