"""Comments as prose."""

import pytest

from edge.openapi.comments import (
    prose,
    split_summary,
    with_json_names,
    with_json_words,
    without_subject,
)


@pytest.mark.parametrize(
    ("text", "summary", "rest"),
    [
        ("Returns it.", "Returns it", ""),
        ("Returns it. Or not.", "Returns it", "Or not."),
        ("Trades it (RFC 1, section 4.1.2). `Now`.", "Trades it (RFC 1, section 4.1.2)", "`Now`."),
        ("Mails it, e.g. so. Then waits.\n\nMore.", "Mails it, e.g. so", "Then waits.\n\nMore."),
        ("One\n\nTwo.", "One", "Two."),
        ("", "", ""),
    ],
)
def test_the_first_sentence_is_the_summary(text: str, summary: str, rest: str) -> None:
    assert split_summary(text) == (summary, rest)


def test_paragraphs_flow_and_lists_stay() -> None:
    comment = "One\ntwo\nthree.\n\n\n- first\n  goes on\n- second\n"
    assert prose(comment) == "One two three.\n\n- first goes on\n- second"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See `page_size`.", "See `pageSize`."),
        ("See page_size.", "See page_size."),
        ("See `user.user_id`.", "See `user.userId`."),
        ("See `auth.user_id`.", "See `auth.user_id`."),
        ("See `users.read` and `PAGE_SIZE`.", "See `users.read` and `PAGE_SIZE`."),
        ("Odd `quote", "Odd `quote"),
    ],
)
def test_quoted_names_are_spelled_as_json_does(text: str, expected: str) -> None:
    names = {"page_size": "pageSize", "user": "user", "user_id": "userId"}
    assert with_json_names(text, names) == expected


def test_words_outside_of_code_are_spelled_as_json_does() -> None:
    names = {"user_id": "userId"}
    assert with_json_words("user_id by `this.user_id`", names) == "userId by `this.user_id`"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("User is one account.", "One account."),
        ("User holds it.", "Holds it."),
        ("Users hold it.", "Users hold it."),
        ("User", "User"),
        ("User ", "User "),
        ("", ""),
    ],
)
def test_the_subject_goes(text: str, expected: str) -> None:
    assert without_subject(text, "User") == expected
