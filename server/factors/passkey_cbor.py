"""The CBOR of authenticators, looked at before a general parser gets to see it.

CTAP 2.1, section 8, leaves authenticators a small part of CBOR (RFC 8949): no tags, no indefinite
lengths. A general parser takes all of it, and with it the tags for shared values, by which a
hundred bytes unfold into gigabytes as soon as they are written out again.
"""

import cbor2

_BYTES, _TEXT, _TAG = 2, 3, 6
_LONGEST_LENGTH = 27
"""The last value of the low five bits that stands for a length; 31 would be indefinite."""

# Web Authentication Level 3, section 6.1: hash of the domain, flags and counter, then what the
# flags announce. A credential begins with the AAGUID and the length of its id.
_FLAGS_AT, _HEAD = 32, 37
_HAS_CREDENTIAL = 0x40
_ID_LENGTH_AT, _ID_AT = 53, 55


def is_plain(data: bytes) -> bool:
    """Whether these are CBOR items, one after the other, as authenticators write them.

    Says nothing of what they hold: the items within an array or a map simply follow its head.
    """
    place = 0
    while place < len(data):
        major, low = data[place] >> 5, data[place] & 0x1F
        if major == _TAG or low > _LONGEST_LENGTH:
            return False
        size = 1 << (low - 24) if low >= 24 else 0
        length = int.from_bytes(data[place + 1 : place + 1 + size]) if size else low
        place += 1 + size + (length if major in (_BYTES, _TEXT) else 0)
    return place == len(data)


def is_authenticator_data(data: bytes) -> bool:
    """Whether the CBOR within authenticator data is plain, and where it has to be."""
    if len(data) < _HEAD:
        return False
    if not data[_FLAGS_AT] & _HAS_CREDENTIAL:
        return is_plain(data[_HEAD:])
    return is_plain(data[_ID_AT + int.from_bytes(data[_ID_LENGTH_AT:_ID_AT]) :])


def without_statement(attestation: bytes) -> bytes:
    """An attestation object whose statement about its maker is taken out (section 5.1.3, step 21).

    A browser does so where no attestation is asked for; here it makes sure that nothing of a
    statement, which nobody would believe, is ever parsed. Raises `ValueError` for anything else
    than an attestation object.
    """
    if not is_plain(attestation):
        raise ValueError("not the CBOR of an authenticator")
    found = cbor2.loads(attestation, allow_duplicate_keys=False)
    data = found.get("authData") if isinstance(found, dict) else None
    if not isinstance(data, bytes) or not is_authenticator_data(data):
        raise ValueError("not an attestation object")
    return cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
