"""What an import asks of an account is what the contract asks of callers."""

from hypothesis import given
from hypothesis import strategies as st
from protovalidate import Validator

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server.users import importing_rules

validator = Validator()


@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"[a-z!+ .]{1,5}@[a-z-]{0,4}(\.[A-Z0-9-]{0,4}){0,3}", fullmatch=True),
        st.integers(240, 260).map(lambda length: "a" * (length - 6) + "@b.com"),
    )
)
def test_an_address_is_one_here_that_sign_up_takes(email):
    request = auth_pb2.SignUpRequest(email=email, password="long enough")
    broken = {
        each.proto.field.elements[0].field_name for each in validator.collect_violations(request)
    }

    fault = importing_rules.fault_of(email=email, display_name="", locale="")

    assert (fault is None) is ("email" not in broken)


@given(st.text(max_size=110), st.text(max_size=40))
def test_names_and_languages_are_held_to_the_contract_as_well(display_name, locale):
    request = users_pb2.CreateUserRequest(email="a@b.com", display_name=display_name, locale=locale)

    fault = importing_rules.fault_of(email="a@b.com", display_name=display_name, locale=locale)

    assert (fault is None) is (not validator.collect_violations(request))
