"""Who someone is: accounts, their profile, state and roles, and their lockout.

Owns the rows of users, role grants and failed sign-ins. Does not know how anybody proves who they
are; the auth slice builds on this one and tells it when a password was wrong. What it needs of
passwords and sessions it names in `service.Credentials`, which the auth slice fulfils.

Ids are UUIDv7 (RFC 9562, section 5.7); addresses follow the HTML definition of an e-mail address,
are kept as typed and compared without letter case.
"""
