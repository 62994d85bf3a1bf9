import pytest

from edge.pages.representation import represent, respond

FILE = represent(b"body", "text/plain")


def test_tag_is_strong_and_follows_the_bytes() -> None:
    assert FILE.etag.startswith('"')
    assert FILE.etag.endswith('"')
    assert represent(b"body", "text/css").etag == FILE.etag
    assert represent(b"bodies", "text/plain").etag != FILE.etag


@pytest.mark.parametrize(
    "if_none_match", ["*", FILE.etag, f"W/{FILE.etag}", f'"other", W/"x" ,{FILE.etag}']
)
def test_known_file_is_not_sent_again(if_none_match: str) -> None:
    response = respond(FILE, if_none_match, {"cache-control": "no-cache"})

    assert response.status_code == 304
    assert response.body == b""
    assert response.headers["etag"] == FILE.etag
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("if_none_match", [None, "", '"other"', FILE.etag[1:-1], "W/", ","])
def test_unknown_file_is_sent(if_none_match: str | None) -> None:
    response = respond(FILE, if_none_match, {})

    assert response.status_code == 200
    assert response.body == b"body"
    assert response.headers["content-length"] == "4"
