import pytest

from edge.contract import read_contract
from edge.field_names import as_sent, json_path
from edge.openapi.contract import Contract
from edge.openapi.routes import routes, unify
from tests.edge.routes import route_of


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("email", "email"),
        ("user.display_name", "user.displayName"),
        ("a_b_c.d__e", "aBC.dE"),
        ("page_2_size", "page2Size"),
        ("user_items[2].first_name", "userItems[2].firstName"),
        ('user_labels["my_key"].the_value', 'userLabels["my_key"].theValue'),
        (r'labels["a\"_b]_c"].x_y', r'labels["a\"_b]_c"].xY'),
        ("", ""),
    ],
)
def test_paths_are_spelled_as_in_json(path, named):
    assert json_path(path) == named


@pytest.mark.parametrize(
    ("body", "path", "named"),
    [
        ("user", "user.displayName", "displayName"),
        ("user", "user.userId", "userId"),
        ("user", "user", ""),
        ("user", "updateMask", "updateMask"),
        ("user", "userId", "userId"),
        ("user", "users.name", "users.name"),
        ("user", "other.user.name", "other.user.name"),
        ("user", "", ""),
        ("new_user", 'newUser.labels["a.b"]', 'labels["a.b"]'),
        ("users", "users[2].name", "[2].name"),
        ("*", "user.displayName", "user.displayName"),
        ("", "user.displayName", "user.displayName"),
    ],
)
def test_fields_are_named_as_clients_send_them(body, path, named):
    assert as_sent(path, route_of(body)) == named


def test_without_a_route_a_path_stays():
    assert as_sent("user.displayName", None) == "user.displayName"


def test_variables_of_the_path_are_named_as_they_are_documented():
    contract = Contract(read_contract())
    bound = unify(route for rpc in contract.methods() for route in routes(contract, rpc))
    variables = [(route, variable) for route in bound for variable in route.variables]
    assert variables
    for route, variable in variables:
        path = json_path(variable.field_path)
        assert as_sent(path, route_of(route.body)) == variable.name
