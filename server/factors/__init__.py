"""What someone has, beyond a password they know: authenticator apps, recovery codes and passkeys.

Owns the factors and the ceremonies with which passkeys are registered and shown. Does not open
sessions: the auth slice does, and each names what it needs of the other in a protocol that the
composition root fulfils.

Codes follow RFC 6238; passkeys follow Web Authentication Level 3, with user verification always.
"""
