"""Password hashes that other systems made: read, bounded in cost, and verified.

One file a scheme. Each reads its notations, refuses what is damaged or too costly before anything
is computed, and compares a password in constant time. Nothing here makes new hashes: an account
keeps a foreign one until its owner's next sign-in, which replaces it by Argon2id.

bcrypt is the one of OpenBSD, scrypt RFC 7914, PBKDF2 RFC 8018, section 5.2. The notations are those
of passlib, Django, Werkzeug and the PHC string format; docs/import.md lists them.
"""
