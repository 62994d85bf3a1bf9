"""What the letters say, in English: the source of the catalogue `mail`.

After changing a sentence, `python -m server.jobs.extraction --update` brings the translations in
line. `%(service)s` is the name of this installation, `%(time)s` a length of time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from limen.messages.sentences import Sentence

GREETING: Final = Sentence("Hello %(name)s,")
NAMELESS_GREETING: Final = Sentence("Hello,")
LIFETIME: Final = Sentence("The link works once, and for %(time)s.")
FALLBACK: Final = Sentence("If the button does not work, copy this address into your browser:")
FOOTER: Final = Sentence("%(service)s sent you this message because of your account.")


@dataclass(frozen=True, slots=True)
class Wording:
    """The sentences of one letter."""

    subject: Sentence
    before: tuple[Sentence, ...]
    """The paragraphs above the link."""
    button: Sentence
    after: tuple[Sentence, ...]
    """The paragraphs below the link."""
    greets_by_name: bool = True


LETTERS: Final[Mapping[str, Wording]] = {
    "verify_email": Wording(
        subject=Sentence("Confirm your e-mail address for %(service)s"),
        before=(
            Sentence(
                "Please confirm that this is your e-mail address. Then you can sign in to"
                " %(service)s."
            ),
        ),
        button=Sentence("Confirm address"),
        after=(
            Sentence(
                "If you did not ask for an account, please ignore this message. Without the link"
                " nobody can use your address."
            ),
        ),
        # Whoever typed this address chose the name as well: a stranger must not get to write the
        # first line of a message to somebody who never heard of this service.
        greets_by_name=False,
    ),
    "sign_up_notice": Wording(
        subject=Sentence("You already have an account with %(service)s"),
        before=(
            Sentence(
                "Somebody tried to sign up for %(service)s with your e-mail address. You already"
                " have an account, so nothing has changed."
            ),
            Sentence(
                "If it was you, just sign in. Should you have forgotten your password, you can"
                " choose a new one there."
            ),
        ),
        button=Sentence("Sign in"),
        after=(Sentence("If it was not you, there is nothing you need to do."),),
        # The name in the job comes from the sign-up that failed, not from the account.
        greets_by_name=False,
    ),
    "reset_password": Wording(
        subject=Sentence("Choose a new password for %(service)s"),
        before=(
            Sentence(
                "Somebody, most likely you, asked for a new password for your account with"
                " %(service)s."
            ),
        ),
        button=Sentence("Choose a new password"),
        after=(
            Sentence(
                "If you did not ask for this, please ignore this message. Your password stays as"
                " it is."
            ),
        ),
    ),
    "change_email": Wording(
        subject=Sentence("Confirm your new e-mail address for %(service)s"),
        before=(
            Sentence(
                "Please confirm that this is your e-mail address. From then on you sign in to"
                " %(service)s with it."
            ),
        ),
        button=Sentence("Confirm address"),
        after=(
            Sentence(
                "If you did not ask for this, please ignore this message. Without the link nobody"
                " can use your address."
            ),
        ),
        # As with a sign-up, somebody else may have typed this address.
        greets_by_name=False,
    ),
    "email_changed": Wording(
        subject=Sentence("Your e-mail address for %(service)s was changed"),
        before=(
            Sentence("Your account with %(service)s now has another e-mail address."),
            Sentence("If it was you, there is nothing you need to do."),
            Sentence(
                "If it was not you, somebody may have got into your account. Please tell whoever"
                " runs %(service)s at once."
            ),
        ),
        button=Sentence("Go to your account"),
        after=(),
    ),
    "factor_added": Wording(
        subject=Sentence("A way to sign in to %(service)s was added"),
        before=(
            Sentence(
                "An authenticator app or a passkey was added to your account with %(service)s."
            ),
            Sentence("If it was you, there is nothing you need to do."),
            Sentence(
                "If it was not you, somebody may have got into your account. Please choose a new"
                " password at once, and remove what you do not know from your account."
            ),
        ),
        button=Sentence("Go to your account"),
        after=(),
    ),
    "factor_removed": Wording(
        subject=Sentence("A way to sign in to %(service)s was removed"),
        before=(
            Sentence(
                "An authenticator app or a passkey was removed from your account with %(service)s."
            ),
            Sentence("If it was you, there is nothing you need to do."),
            Sentence(
                "If it was not you, somebody may have got into your account. Please choose a new"
                " password at once: on the sign-in page, say that you forgot it."
            ),
        ),
        button=Sentence("Go to your account"),
        after=(),
    ),
    "password_changed": Wording(
        subject=Sentence("Your password for %(service)s was changed"),
        before=(
            Sentence("The password of your account with %(service)s was changed."),
            Sentence("If it was you, there is nothing you need to do."),
            Sentence(
                "If it was not you, somebody may have got into your account. Please choose a new"
                " password at once: on the sign-in page, say that you forgot it."
            ),
        ),
        button=Sentence("Go to your account"),
        after=(),
    ),
}


def sentences() -> Iterator[Sentence]:
    """Every sentence that a letter can hold."""
    yield from (GREETING, NAMELESS_GREETING, LIFETIME, FALLBACK, FOOTER)
    for letter in LETTERS.values():
        yield from (letter.subject, *letter.before, letter.button, *letter.after)
