"""How someone who showed a passkey has proved who they are (RFC 8176, section 2)."""


def methods(*, device_bound: bool) -> tuple[str, ...]:
    """The `amr` of a passkey whose user was verified.

    It counts as two factors: the key that somebody has, and what unlocked it, something they know
    or are. A key that cannot leave its device is called one of hardware, any other of software.
    """
    return ("hwk" if device_bound else "swk", "user", "mfa")
