from pathlib import Path

import protovalidate
import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

import limen
from limen.auth.v1 import auth_pb2
from limen.messages import LANGUAGES, violation
from limen.messages.own_rules import OWN_RULES
from limen.users.v1 import users_pb2


def standard_rules():
    """The ids of buf.validate: those in its descriptor, and those its runtimes have built in."""
    for message in validate_pb2.DESCRIPTOR.message_types_by_name.values():
        for field in message.fields:
            for rule in field.GetOptions().Extensions[validate_pb2.predefined].cel:
                # Examples are documentation: they are never broken.
                if not rule.id.endswith(".example"):
                    yield rule.id
    yield from ("required", "enum.defined_only", "any.in", "any.not_in", "message.oneof")


def contract_rules():
    """The ids of the rules that the contract writes itself."""
    contract = Path(limen.__file__).with_name("contract.binpb").read_bytes()
    for file in FileDescriptorSet.FromString(contract).file:
        for message in file.message_type if file.package.startswith("limen.") else ():
            yield from (r.id for r in message.options.Extensions[validate_pb2.message].cel)
            for field in message.field:
                yield from (r.id for r in field.options.Extensions[validate_pb2.field].cel)


EDGE_RULES = [
    "json.syntax",
    "json.unknown_field",
    "json.duplicate_key",
    "json.type",
    "json.depth",
    "json.encoding",
    "json.enum",
    "json.oneof",
    "query.unknown",
    "query.type",
    "query.repeated",
    "path.type",
    "path.conflict",
    "body.unexpected",
    "mask.unknown",
]
CORE_RULES = [
    "password.common",
    "password.own_name",
    "password.product_name",
    "password.too_short",
    "password.too_long",
    "filter.syntax",
    "filter.unknown_field",
    "filter.value",
    "page_token.invalid",
    "password.breached",
    "password_hash.costly",
    "password_hash.unknown",
    "role.name.taken",
    "role.permission.unknown",
    "token.invalid",
    "message.unreadable",
    "mask.immutable",
    "locale.unknown",
    "user.email.taken",
    "text.control",
]
RULES = sorted({*standard_rules(), *contract_rules(), *EDGE_RULES, *CORE_RULES})
LIMIT_NAMES = [
    "len",
    "min_len",
    "max_len",
    "len_bytes",
    "min_bytes",
    "max_bytes",
    "prefix",
    "suffix",
    "contains",
    "not_contains",
    "lt",
    "lte",
    "gt",
    "gte",
    "min_items",
    "max_items",
    "min_pairs",
    "max_pairs",
]
LIMITS = dict.fromkeys(LIMIT_NAMES, "8")


def test_the_edge_and_the_core_have_every_rule_of_their_own():
    assert set(OWN_RULES) == {*EDGE_RULES, *CORE_RULES}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("params", [{}, LIMITS], ids=["bare", "with limits"])
def test_every_rule_has_a_sentence(language, params):
    for rule in RULES:
        sentence = violation(rule, params, language)
        assert sentence, rule
        assert "%" not in sentence, rule


@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("params", [{}, LIMITS], ids=["bare", "with limits"])
def test_every_rule_is_translated(language, params):
    for rule in RULES:
        assert violation(rule, params, language) != violation(rule, params, "en"), rule


@pytest.mark.parametrize(
    "rule",
    [
        "",
        ".",
        "int32",
        "int32.",
        "int32.huge",
        "number",
        "string.cel",
        "a.must_be_empty",
        "no.such",
    ],
)
def test_an_unknown_rule_has_no_sentence(rule):
    assert violation(rule, LIMITS, "de") is None


@pytest.mark.parametrize(
    ("language", "one", "many"),
    [
        ("en", "Please enter at least 1 character.", "Please enter at least 8 characters."),
        (
            "de",
            "Bitte geben Sie mindestens 1 Zeichen ein.",
            "Bitte geben Sie mindestens 8 Zeichen ein.",
        ),
        ("fr", "Veuillez saisir au moins 1 caractère.", "Veuillez saisir au moins 8 caractères."),
        (
            "es",
            "Escriba al menos 1 carácter, por favor.",
            "Escriba al menos 8 caracteres, por favor.",
        ),
        (
            "pt-BR",
            "Digite pelo menos 1 caractere, por favor.",
            "Digite pelo menos 8 caracteres, por favor.",
        ),
        ("ja", "1 文字以上で入力してください。", "8 文字以上で入力してください。"),
    ],
)
def test_one_and_many_are_told_apart(language, one, many):
    assert violation("string.min_len", {"min_len": "1"}, language) == one
    assert violation("string.min_len", {"min_len": "8"}, language) == many


def test_french_and_brazilian_portuguese_count_nought_as_one():
    assert "0 élément." in violation("repeated.max_items", {"max_items": "0"}, "fr")
    assert "0 item," in violation("repeated.max_items", {"max_items": "0"}, "pt-BR")
    assert "0 Einträge" in violation("repeated.max_items", {"max_items": "0"}, "de")


@pytest.mark.parametrize("kind", ["int32", "uint64", "sint32", "sfixed64", "fixed32", "double"])
def test_numbers_of_all_kinds_speak_alike(kind):
    limits = {"gte": "0", "lte": "200"}
    assert violation(f"{kind}.gte_lte", limits, "en") == "Please enter a number from 0 to 200."
    assert "outside" in violation(f"{kind}.gt_lt_exclusive", {"gt": "9", "lt": "2"}, "en")


@pytest.mark.parametrize("count", ["", "eight", "1.5", "9" * 5000, "\x00"])
def test_a_limit_that_is_no_number_gives_the_less_precise_sentence(count):
    assert violation("string.max_len", {"max_len": count}, "en") == "This is too long."


@pytest.mark.parametrize(
    "request_message",
    [
        users_pb2.ListUsersRequest(page_size=-1, page_token="é" * 600, filter="\x00"),
        users_pb2.CreateUserRequest(email="x", password="a", display_name="\n" * 200),
        users_pb2.UpdateUserRequest(),
        users_pb2.UpdateUserRequest(user=users_pb2.User()),
        users_pb2.GetUserRequest(user_id="somebody"),
        auth_pb2.SignInRequest(delivery=99),
    ],
    ids=lambda message: type(message).__name__,
)
def test_real_violations_of_the_contract_have_sentences(request_message):
    found = protovalidate.collect_violations(request_message)
    assert found
    for fault in found:
        assert violation(fault.proto.rule_id, {}, "de"), fault.proto.rule_id


@given(
    st.sampled_from(RULES) | st.text(max_size=40),
    st.dictionaries(st.sampled_from(sorted(LIMITS)) | st.text(max_size=9), st.text(max_size=40)),
    st.sampled_from(LANGUAGES),
)
def test_it_never_raises(rule, params, language):
    violation(rule, params, language)
