"""Identities of machines: API keys of users, and service accounts.

Owns keys, client secrets and client certificates. A key is no session: it allows what its scopes
name, and of that only what its owner may do at the moment of the call. A service account is a user
of another kind; the tokens that it is given are those of the auth slice.

Client credentials follow RFC 6749, section 4.4, and certificates RFC 8705.
"""
