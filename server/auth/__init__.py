"""How someone proves who they are: sign-up, sign-in, sessions, tokens and passwords.

Owns passwords, sessions, challenges, one-time tokens and signing keys. A session is what lives;
access tokens (RFC 9068), refresh tokens (RFC 9700, section 4.14) and cookies are ways to present
it, and all of them end with it. Accounts and their lockout belong to the users slice.

Passwords follow NIST SP 800-63B, section 3.1.1.2; answers never tell whether an address is known.
"""
