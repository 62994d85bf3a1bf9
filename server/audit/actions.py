"""The fixed vocabulary of what can happen. The contract declares most of these on its RPCs."""

from enum import StrEnum


class Action(StrEnum):
    """What happened. Actions of other services begin with `x.` and are not listed."""

    SIGN_UP = "auth.sign_up"
    VERIFY_EMAIL = "auth.verify_email"
    RESEND_EMAIL_VERIFICATION = "auth.resend_email_verification"
    SIGN_IN = "auth.sign_in"
    REFRESH = "auth.refresh"
    REFRESH_REUSE_DETECTED = "auth.refresh_reuse_detected"
    SIGN_OUT = "auth.sign_out"
    REVOKE_SESSION = "auth.revoke_session"
    REVOKE_OTHER_SESSIONS = "auth.revoke_other_sessions"
    REAUTHENTICATE = "auth.reauthenticate"
    CHANGE_PASSWORD = "auth.change_password"
    REQUEST_PASSWORD_RESET = "auth.request_password_reset"
    RESET_PASSWORD = "auth.reset_password"
    CREATE_USER = "users.create"
    UPDATE_USER = "users.update"
    DISABLE_USER = "users.disable"
    ENABLE_USER = "users.enable"
    UNLOCK_USER = "users.unlock"
    GRANT_ROLE = "users.grant_role"
    REVOKE_ROLE = "users.revoke_role"
    RECORD = "audit.record"


class Outcome(StrEnum):
    """How an action ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    DENIED = "denied"
