"""A title and a sentence for every reason why a call can be refused.

The reasons are those of `limen.errors.v1.ErrorReason`, by name without the prefix `ERROR_REASON_`,
and those of HTTP that only the edge knows: ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED,
UNSUPPORTED_MEDIA_TYPE, NOT_ACCEPTABLE and REQUEST_TIMEOUT.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from limen.messages.catalogue import LANGUAGES, Catalogue
from limen.messages.sentences import Sentence, say_first
from limen.messages.waiting import wait

_CATALOGUE: Final = Catalogue("limen")


@dataclass(frozen=True, slots=True)
class _Words:
    title: Sentence
    #: The variants, the most precise first. The last one takes no parameters.
    sentences: tuple[Sentence, ...]
    #: Sentences for particular kinds of resource, by the parameter `resource`.
    by_resource: Mapping[str, Sentence] = field(default_factory=dict)


def reason(reason: str, language: str, **params: str) -> str:
    """Return the sentence that tells a person why the call was refused, and what to do.

    `params` are the metadata of the ErrorInfo, and `retry_seconds`, the whole seconds of its
    RetryInfo where there is one. All of them are optional, and unknown ones are ignored. An unknown
    reason, say of a newer core, gets a sentence that fits any of them.
    """
    words = _REASONS.get(reason, _UNKNOWN)
    spoken = language if language in LANGUAGES else LANGUAGES[0]
    when = wait(params.pop("retry_seconds", ""), spoken)
    if when is not None:
        params["when"] = when
    precise = words.by_resource.get(params.get("resource", ""))
    variants = words.sentences if precise is None else (precise, *words.sentences)
    return say_first(variants, _CATALOGUE.translations(spoken), params)


def title(reason: str, language: str) -> str:
    """Return the short title of a reason: the same at every occurrence (RFC 9457, 3.1.3)."""
    return _CATALOGUE.translations(language).gettext(_REASONS.get(reason, _UNKNOWN).title.text)


_UNKNOWN: Final = _Words(
    Sentence("Request refused"),
    (Sentence("The request was refused."),),
)

_REASONS: Final[Mapping[str, _Words]] = {
    "INVALID_REQUEST": _Words(
        Sentence("Invalid request"),
        (Sentence("Something in the request is not right. Please check the fields named below."),),
    ),
    "PASSWORD_TOO_WEAK": _Words(
        Sentence("Password too weak"),
        (Sentence("This password is too easy to guess. Please choose another one."),),
    ),
    "PAGE_TOKEN_INVALID": _Words(
        Sentence("Invalid page token"),
        (
            Sentence(
                "This page token does not belong to this list. "
                "Please start again from the first page."
            ),
        ),
    ),
    "TOKEN_INVALID": _Words(
        Sentence("Link or code no longer valid"),
        (
            Sentence(
                "This link or code has expired or has been used already. Please request a new one."
            ),
        ),
    ),
    "PASSWORD_BREACHED": _Words(
        Sentence("Password known to others"),
        (
            Sentence(
                "This password has appeared in a data breach elsewhere, so others may know it. "
                "Please choose another one."
            ),
        ),
    ),
    "CODE_INVALID": _Words(
        Sentence("Wrong code"),
        (Sentence("This code is not right. Please enter the one that the app shows now."),),
    ),
    "UNAUTHENTICATED": _Words(
        Sentence("Not signed in"),
        (Sentence("Please sign in to continue."),),
    ),
    "CREDENTIAL_INVALID": _Words(
        Sentence("Session no longer valid"),
        (Sentence("Your session has ended or is not valid. Please sign in again."),),
    ),
    "SIGN_IN_FAILED": _Words(
        Sentence("Sign-in failed"),
        (
            Sentence(
                "The e-mail address and the password do not match. Please check both and try again."
                " If you have just signed up, please follow the link in our mail first."
            ),
        ),
    ),
    "REFRESH_TOKEN_REUSED": _Words(
        Sentence("Session ended for safety"),
        (
            Sentence(
                "Someone else may have used your session, so we ended it to protect your account. "
                "Please sign in again."
            ),
        ),
    ),
    "PROOF_TOO_OLD": _Words(
        Sentence("Please confirm that it is you"),
        (
            Sentence(
                "Your last sign-in was too long ago for this step. "
                "Please confirm your identity and try again."
            ),
        ),
    ),
    "FACTOR_REJECTED": _Words(
        Sentence("Second step failed"),
        (
            Sentence(
                "This code or passkey is not right, or has been used already. "
                "Please try again with a new one."
            ),
        ),
    ),
    "CHALLENGE_INVALID": _Words(
        Sentence("Sign-in took too long"),
        (Sentence("This step is no longer open. Please start signing in again."),),
    ),
    "ASSURANCE_TOO_LOW": _Words(
        Sentence("Second step needed"),
        (
            Sentence(
                "This step needs your second factor. "
                "Please confirm your identity with it and try again."
            ),
        ),
    ),
    "PERMISSION_DENIED": _Words(
        Sentence("Not allowed"),
        (
            Sentence("You need the permission “%(permission)s” for this."),
            Sentence("You do not have permission for this."),
        ),
    ),
    "CREDENTIAL_KIND_REFUSED": _Words(
        Sentence("Not possible with this credential"),
        (Sentence("This cannot be done with an API key. Please sign in to do it."),),
    ),
    "ACCOUNT_DISABLED": _Words(
        Sentence("Account disabled"),
        (Sentence("This account has been disabled. Please contact your administrator."),),
    ),
    "EMAIL_NOT_VERIFIED": _Words(
        Sentence("E-mail address not confirmed"),
        (
            Sentence(
                "Please confirm your e-mail address first. "
                "The link is in the message that we sent you."
            ),
        ),
    ),
    "CSRF_REJECTED": _Words(
        Sentence("Request from an unknown page"),
        (
            Sentence(
                "We could not confirm that this request came from our own pages. "
                "Please reload the page and try again."
            ),
        ),
    ),
    "NOT_FOUND": _Words(
        Sentence("Not found"),
        (Sentence("We could not find what you are looking for. It may have been removed."),),
        {
            "user": Sentence("There is no such user."),
            "session": Sentence("There is no such session. It may have ended already."),
            "role": Sentence("There is no such role."),
            "event": Sentence("There is no such event."),
            "factor": Sentence("There is no such sign-in method."),
            "api_key": Sentence("There is no such API key. It may have been revoked already."),
            "service_account": Sentence("There is no such service account."),
            "certificate": Sentence("There is no such certificate."),
        },
    ),
    "ALREADY_EXISTS": _Words(
        Sentence("Already exists"),
        (Sentence("This already exists. Please choose another name or key."),),
        {
            "user": Sentence("This e-mail address already belongs to another account."),
            "role": Sentence("There is a role of this name already."),
            "passkey": Sentence("This passkey has been added already."),
            "certificate": Sentence("This certificate already belongs to a service account."),
        },
    ),
    "ETAG_MISMATCH": _Words(
        Sentence("Changed in the meantime"),
        (
            Sentence(
                "Somebody else changed this in the meantime. "
                "Please reload it and make your change again."
            ),
        ),
    ),
    "LAST_ADMINISTRATOR": _Words(
        Sentence("Last administrator"),
        (
            Sentence(
                "This would leave nobody to administer the system. "
                "Please appoint another administrator first."
            ),
        ),
    ),
    "LAST_FACTOR": _Words(
        Sentence("Last way to sign in"),
        (
            Sentence(
                "Without this you could not sign in any more. "
                "Please set a password or add another passkey first."
            ),
        ),
    ),
    "BUILT_IN_ROLE": _Words(
        Sentence("Built-in role"),
        (Sentence("This role belongs to the system and cannot be changed."),),
    ),
    "LIMIT_REACHED": _Words(
        Sentence("Too many already"),
        (
            Sentence(
                "You already have %(limit)s of these, and there cannot be more. "
                "Please remove one first."
            ),
            Sentence("You have as many of these as there can be. Please remove one first."),
        ),
    ),
    "RATE_LIMITED": _Words(
        Sentence("Too many requests"),
        (
            Sentence("There were too many requests. Please try again %(when)s."),
            Sentence("There were too many requests. Please wait a moment and try again."),
        ),
    ),
    "SIGN_IN_LOCKED": _Words(
        Sentence("Too many failed sign-ins"),
        (
            Sentence("There were too many failed sign-ins. Please try again %(when)s."),
            Sentence("There were too many failed sign-ins. Please wait a while and try again."),
        ),
    ),
    "OVERLOADED": _Words(
        Sentence("Very busy"),
        (
            Sentence("We are very busy right now. Please try again %(when)s."),
            Sentence("We are very busy right now. Please try again in a moment."),
        ),
    ),
    "REQUEST_TOO_LARGE": _Words(
        Sentence("Request too large"),
        (Sentence("The request is too large. Please send less at once."),),
    ),
    "UNAVAILABLE": _Words(
        Sentence("Temporarily unavailable"),
        (
            Sentence("The service is temporarily unavailable. Please try again %(when)s."),
            Sentence("The service is temporarily unavailable. Please try again in a moment."),
        ),
    ),
    "DEADLINE_EXCEEDED": _Words(
        Sentence("Took too long"),
        (Sentence("The request took too long, so we stopped it. Please try again."),),
    ),
    "UNIMPLEMENTED": _Words(
        Sentence("Not supported"),
        (Sentence("This service does not support that operation."),),
    ),
    "INTERNAL": _Words(
        Sentence("Something went wrong"),
        (
            Sentence(
                "Something went wrong on our side. Please try again; "
                "if it keeps happening, tell support the request id."
            ),
        ),
    ),
    "ROUTE_NOT_FOUND": _Words(
        Sentence("No such address"),
        (Sentence("There is nothing at this address. Please check its spelling."),),
    ),
    "METHOD_NOT_ALLOWED": _Words(
        Sentence("Method not allowed"),
        (Sentence("This address does not support this HTTP method."),),
    ),
    "UNSUPPORTED_MEDIA_TYPE": _Words(
        Sentence("Unsupported media type"),
        (Sentence("The request body has a format that is not supported. Please send JSON."),),
    ),
    "NOT_ACCEPTABLE": _Words(
        Sentence("No acceptable format"),
        (Sentence("We cannot answer in any of the formats that the request accepts."),),
    ),
    "REQUEST_TIMEOUT": _Words(
        Sentence("Request timed out"),
        (Sentence("The request did not arrive completely in time. Please try again."),),
    ),
}
