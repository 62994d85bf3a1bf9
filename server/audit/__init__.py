"""What happened: the log of security events.

Owns the events, their order and the reading of them. Every other slice writes through
`audit.recorder` inside its own transaction, so an action and its event are one. Knows nobody's
reasons: actions are words from `audit.actions`, subjects are ids.

Rows are only ever inserted; the role that requests run under cannot change or delete them.
"""
