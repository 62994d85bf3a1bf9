"""The names that clients know fields by."""

import re

from edge.transcoding.route import Route

_INDEX = re.compile(r'(\["(?:[^"\\]|\\.)*"\]|\[[^"\]]*\])')
_UNDERSCORES = re.compile(r"_+([a-zA-Z0-9]?)")

_NO_FIELD_OF_ITS_OWN = ("", "*")


def json_path(path: str) -> str:
    """A field path in proto names, with its names as JSON has them (ProtoJSON: lowerCamelCase).

    Indexes and map keys, which stand in brackets, are left as they are.
    """
    pieces = _INDEX.split(path)
    # The separators of the split, the brackets, are every second piece.
    pieces[::2] = [_UNDERSCORES.sub(_raise_letter, piece) for piece in pieces[::2]]
    return "".join(pieces)


def as_sent(path: str, route: Route | None) -> str:
    """A field path in JSON names, as it leads through what clients of a route send.

    Where the body is one field of the request, such as `user`, clients have never heard of that
    field: they send `displayName`, and the whole body has no name.
    """
    if route is None or route.body in _NO_FIELD_OF_ITS_OWN:
        return path
    inside = path.removeprefix(json_path(route.body))
    if inside == path or inside[:1] not in ("", ".", "["):
        return path
    return inside.removeprefix(".")


def _raise_letter(match: re.Match[str]) -> str:
    return match[1].upper()
