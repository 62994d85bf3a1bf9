import random
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.auth import common_passwords
from server.auth.disguises import readings, repeated_part, unmask, without
from server.auth.passwords import LONGEST, PasswordPolicy, Weakness, names_of, normalize

COMMON = common_passwords.load()
POLICY = PasswordPolicy(common=COMMON)
ANNA = names_of("anna.smith1990@mail.example.com", "Anna Мария O'Reilly")


def weakness(password: str, **kwargs) -> Weakness | None:
    return POLICY.check(password, own_names=ANNA, **kwargs)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "Correct-Horse-42",
        "Tr0ub4dor&3",
        "Xk29vQz1",
        "my password is long enough",
        "password98374651",  # eight digits that nobody knows are a password of their own
        "🙂🐎🔋📎🧠🌊🎹🥨",
        "正确马电池订书钉",
        "        a        b   ",
        "deadbeefdeadbeef",
        "tab\tand\0nul\u202ein",
        "\U000e0fff" * 3 + "unassigned",
    ],
)
def test_good_passwords_pass(password):
    assert weakness(password) is None


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PASSWORD",
        "pAsSwOrD12",
        "P@ssw0rd2024!",
        "Pa$$w0rd1!",
        "pässwörd",
        "\uff50\uff41ssword",
        "passwordpassword",
        "password12345678",
        "1234567890password1234567890",
        "hell02024!",
        "5unshine2024",
        "...dragon...",
        "qwerty!@#",
        "1q2w3e4r5t",
        "iloveyou",
        "football",
        "drowssap",
        "12345678",
        "12345678!",
        "0987654321",
        "4567890123",
        "!@#$%^&*",
        "azertyuiop",
        "йцукенгш",
        "abcdefgh",
        "ABCDEFGH",
        "zyxwvutsr",
        "aaaaaaaa",
        "a" * LONGEST,
        "abcabcabcab",
        "hunter2hunter2",
        "admin-admin-admin",
        "🙂🙂🙂🙂🙂🙂🙂🙂",
        "        ",
        "密码密码密码密码",
    ],
)
def test_common_passwords_are_refused_in_every_disguise(password):
    assert weakness(password) is Weakness.COMMON


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("limen2024!", Weakness.CONTAINS_PRODUCT_NAME),
        ("l1m3n-l1m3n", Weakness.CONTAINS_PRODUCT_NAME),
        ("LIMEN-identity", Weakness.CONTAINS_PRODUCT_NAME),
        ("limen-password-1", Weakness.CONTAINS_PRODUCT_NAME),
        ("Xk29limenvQz", Weakness.CONTAINS_PRODUCT_NAME),  # seven code points of its own
        ("Xk29limenvQz1", None),  # eight
        ("anna.smith1990", Weakness.CONTAINS_OWN_NAME),
        ("ANNA$mith!!", Weakness.CONTAINS_OWN_NAME),
        ("мария-limen-77", Weakness.CONTAINS_OWN_NAME),
        ("smith@example", Weakness.CONTAINS_OWN_NAME),
        ("мария!МАРИЯ?", Weakness.CONTAINS_OWN_NAME),
        ("reillyreilly1", Weakness.CONTAINS_OWN_NAME),
        ("anna went to the market on foot", None),
        ("annasmithexampleXk29vQz1", None),
        ("com9kdz7w", None),  # the last label of a domain names nobody
    ],
)
def test_names_count_for_nothing(password, expected):
    assert weakness(password) is expected


def test_names_of_other_people_do_not_matter():
    assert POLICY.check("anna.smith1990") is None


def test_names_below_three_code_points_do_not_matter():
    assert POLICY.check("Li-Xk29vQ", own_names=["Li", "X", "", "\u0301" * 9]) is None


def test_numbers_are_names_from_six_digits_on():
    assert POLICY.check("1358273645", own_names=names_of("1358273645@example.com", ""))
    assert POLICY.check("ks4BoLgGOf", own_names=["1990"]) is None


def test_product_names_can_be_replaced():
    policy = PasswordPolicy(common=COMMON, product_names=["Portæl", "gate"])
    assert policy.check("portæl-2031") is Weakness.CONTAINS_PRODUCT_NAME
    assert policy.check("limen-identity") is None


@pytest.mark.parametrize(
    ("email", "display_name", "expected"),
    [
        ("jo@example.org", "", {"jo", "example", ""}),
        ("a_b+tag@x.co.uk", "Ann  Lee", {"a", "b", "tag", "x", "co", "Ann", "Lee"}),
        (
            "smith1990@gmail.com",
            "José हिन्दी",
            {"smith", "1990", "smith1990", "gmail", "José", "हिन्दी"},
        ),
        ("", "", {""}),
        ("no-domain@localhost", "", {"no", "domain", ""}),
    ],
)
def test_names_are_taken_from_address_and_display_name(email, display_name, expected):
    assert names_of(email, display_name) == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, Weakness.TOO_SHORT),
        (7, Weakness.TOO_SHORT),
        (8, None),
        (256, None),
        (257, Weakness.TOO_LONG),
    ],
)
def test_length_is_counted_in_code_points(length, expected):
    points = random.Random(1).choices("𐍈𐎠𐤀𝌆🝰🜁𓀀", k=length)  # noqa: S311 - made-up data
    assert weakness("".join(points)) is expected


def test_length_is_counted_after_normalisation():
    assert weakness("e\u0301o\u0308u\u0308a\u030a") is Weakness.TOO_SHORT
    assert weakness("ﷺ" + "x9" * 4) is None
    assert weakness("".join(chr(0xFDFA) for _ in range(15))) is Weakness.TOO_LONG


def test_a_longer_minimum_can_be_asked_for():
    policy = PasswordPolicy(common=COMMON, minimum_length=15)
    assert policy.check("Correct-Horse-4") is None
    assert policy.check("Correct-Horse-") is Weakness.TOO_SHORT


@pytest.mark.parametrize("minimum", [7, 0, -1, 257])
def test_a_minimum_out_of_bounds_is_a_mistake(minimum):
    with pytest.raises(ValueError, match="8 to 256"):
        PasswordPolicy(common=COMMON, minimum_length=minimum)


def test_random_passwords_of_ten_are_not_refused_by_chance():
    rng = random.Random(7)  # noqa: S311 - made-up data
    alphabet = string.ascii_letters + string.digits
    refused = [
        p for p in ("".join(rng.choices(alphabet, k=10)) for _ in range(3000)) if POLICY.check(p)
    ]
    assert refused == []


@given(st.text(max_size=300), st.lists(st.text(max_size=30), max_size=5))
def test_every_text_gets_an_answer_and_all_its_forms_the_same(text, names):
    answer = POLICY.check(text, own_names=names)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert POLICY.check(unicodedata.normalize(form, text), own_names=names) is answer


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    assert normalize(normalize(text)) == normalize(text)


@given(st.text(max_size=40), st.text(min_size=3, max_size=8))
def test_cutting_leaves_a_subsequence_without_a_trace(text, name):
    rest = iter(text)
    assert all(point in rest for point in without(text, [unmask(name)] if unmask(name) else []))


@given(st.text(max_size=300))
def test_readings_are_few_and_keep_every_code_point(text):
    found = list(readings(text, 24))
    assert len(found) <= 25 * 25
    assert all(len(decoration) <= len(text) for _, decoration in found)


@given(st.text(min_size=1, max_size=30))
def test_a_repeated_part_gives_the_text_again(text):
    part = repeated_part(text)
    assert (part * (len(text) // len(part) + 1))[: len(text)] == text


def test_the_list_is_unmasked_sorted_and_carries_its_licence():
    assert len(COMMON) > 50_000
    assert all(unmask(word) == word for word in COMMON)
    assert min(map(len, COMMON)) >= 4


def test_a_list_is_made_from_words_and_leaves_out_what_it_finds_anyway():
    words = ["Dragon", "dragon1", "dr4gon", "DRAGON!!", "abc", "x" * 25, "letmein"]
    packed = common_passwords.build(words)
    assert common_passwords.parse(packed) == {"dragon", "ietmein"}
    assert packed == common_passwords.build(reversed(words))
