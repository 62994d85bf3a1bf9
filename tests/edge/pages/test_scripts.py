"""The modules that need no page, run by the Node.js that comes with Playwright."""

import json
import subprocess
from pathlib import Path
from typing import Any

import playwright
import pytest

from edge.pages.assets import ASSET_DIRECTORY

NODE = Path(playwright.__file__).parent / "driver" / "node"


def run(module: str, names: str, body: str) -> Any:
    """Return what the body, the inside of an async function, returns as JSON."""
    address = json.dumps((ASSET_DIRECTORY / module).as_uri())
    script = (
        f"const {{ {names} }} = await import({address});\n"
        f"const answer = await (async () => {{ {body} }})();\n"
        "process.stdout.write(JSON.stringify(answer ?? null));\n"
    )
    command = [NODE, "--no-warnings", "--input-type=module", "--eval", script]
    done = subprocess.run(command, capture_output=True, check=False, text=True)  # noqa: S603  own script
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


FAKE = """
    const sent = [];
    const answer = (status, body, headers = {}) => new Response(body, { status, headers });
    const answers = [];
    const fetch = async (path, { method, headers, body, credentials, mode }) => {
      sent.push({ path, method, headers, body: body && JSON.parse(body), credentials, mode });
      return answers.shift() ?? answer(200, '{}');
    };
    let cookie = '';
    const limen = new Limen({ fetch, readCookies: () => cookie });
    const refused = async (promise) => {
      try { await promise; } catch (error) {
        const { name, status, reason, detail, errors, retryAfter, signedOut } = error;
        return { name, status, reason, detail, errors, retryAfter, signedOut };
      }
    };
"""


def use_client(body: str) -> Any:
    return run("limen.js", "Limen, LimenError", FAKE + body)


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (
            "signUp({ email: 'a', password: 'p', displayName: 'n', locale: 'de' })",
            "POST",
            "/v1/auth/sign-up",
            {"email": "a", "password": "p", "displayName": "n", "locale": "de"},
        ),
        (
            "signIn({ email: 'a', password: 'p' })",
            "POST",
            "/v1/auth/sign-in",
            {"email": "a", "password": "p", "delivery": "CREDENTIAL_DELIVERY_COOKIE"},
        ),
        ("verifyEmail('t')", "POST", "/v1/auth/email:verify", {"token": "t"}),
        ("resendVerification('a')", "POST", "/v1/auth/email:resend", {"email": "a"}),
        ("signOut()", "POST", "/v1/auth/sign-out", {}),
        ("requestPasswordReset('a')", "POST", "/v1/auth/password:requestReset", {"email": "a"}),
        (
            "resetPassword({ token: 't', newPassword: 'n' })",
            "POST",
            "/v1/auth/password:reset",
            {"token": "t", "newPassword": "n"},
        ),
        (
            "changePassword({ currentPassword: 'c', newPassword: 'n' })",
            "POST",
            "/v1/auth/password:change",
            {"currentPassword": "c", "newPassword": "n"},
        ),
        ("getMe()", "GET", "/v1/users/me", None),
        (
            "updateMe({ displayName: 'n', etag: 'e' })",
            "PATCH",
            "/v1/users/me",
            {"displayName": "n", "etag": "e"},
        ),
        ("revokeSession('a/../b')", "DELETE", "/v1/auth/sessions/a%2F..%2Fb", None),
        ("revokeOtherSessions()", "POST", "/v1/auth/sessions:revokeOthers", {}),
        (
            "verifySignIn({ challengeToken: 't', totpCode: '123456' })",
            "POST",
            "/v1/auth/sign-in:verify",
            {
                "challengeToken": "t",
                "totpCode": "123456",
                "delivery": "CREDENTIAL_DELIVERY_COOKIE",
            },
        ),
        ("reauthenticate({ password: 'p' })", "POST", "/v1/auth/reauthenticate", {"password": "p"}),
        ("listFactors()", "GET", "/v1/factors", None),
        ("deleteFactor('a/../b')", "DELETE", "/v1/factors/a%2F..%2Fb", None),
        ("enrollTotp()", "POST", "/v1/factors/totp", {}),
        (
            "confirmTotp({ factorId: 'f', code: '123456' })",
            "POST",
            "/v1/factors/totp:confirm",
            {"factorId": "f", "code": "123456"},
        ),
        ("regenerateRecoveryCodes()", "POST", "/v1/factors/recovery-codes:regenerate", {}),
    ],
)
def test_client_makes_the_call(call: str, method: str, path: str, body: object) -> None:
    [sent] = use_client(f"await limen.{call}; return sent;")

    assert (sent["method"], sent["path"], sent.get("body")) == (method, path, body)
    assert sent["credentials"] == "same-origin"
    assert "mode" not in sent
    assert ("content-type" in sent["headers"]) == (body is not None)


PASSKEYS = """
    const asked = [];
    const made = { toJSON: () => ({ id: 'c' }) };
    const parse = (options) => ({ parsed: options });
    globalThis.PublicKeyCredential =
      { parseCreationOptionsFromJSON: parse, parseRequestOptionsFromJSON: parse };
    const credentials = { get: async (it) => (asked.push(it), made), create: async (it) => made };
    Object.defineProperty(globalThis, 'navigator', { value: { credentials } });
    answers.push(answer(200, '{"ceremonyToken":"t","options":{"rpId":"h"}}'));
"""


def test_client_signs_in_with_a_passkey() -> None:
    sent, asked = use_client(
        PASSKEYS + "await limen.signInWithPasskey({ challengeToken: 'x' }); return [sent, asked];"
    )

    assert asked == [{"publicKey": {"parsed": {"rpId": "h"}}}]
    assert [(each["path"], each["body"]) for each in sent] == [
        ("/v1/auth/passkey:begin", {"challengeToken": "x"}),
        (
            "/v1/auth/passkey:finish",
            {
                "ceremonyToken": "t",
                "credential": {"id": "c"},
                "delivery": "CREDENTIAL_DELIVERY_COOKIE",
            },
        ),
    ]


def test_client_adds_a_passkey() -> None:
    sent = use_client(PASSKEYS + "await limen.addPasskey({ displayName: 'n' }); return sent;")

    assert [(each["path"], each["body"]) for each in sent] == [
        ("/v1/factors/passkeys:begin", {}),
        (
            "/v1/factors/passkeys",
            {"ceremonyToken": "t", "credential": {"id": "c"}, "displayName": "n"},
        ),
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("NotAllowedError", "PASSKEY_REFUSED"), ("InvalidStateError", "PASSKEY_KNOWN")],
)
def test_client_tells_that_the_browser_brought_no_passkey(name: str, reason: str) -> None:
    error = use_client(
        PASSKEYS
        + f"credentials.create = async () => {{ throw new DOMException('no', '{name}'); }};"
        + "return refused(limen.addPasskey());"
    )

    assert (error["reason"], error["status"]) == (reason, 0)


@pytest.mark.parametrize(
    ("hostname", "named"),
    [("id.example.org", True), ("localhost", True), ("127.0.0.1", False), ("[::1]", False)],
)
def test_a_page_knows_whether_it_was_reached_by_a_name(hostname: str, named: bool) -> None:
    assert run("limen.js", "hasName", f"return hasName({{ hostname: '{hostname}' }});") is named


def test_client_proves_its_origin_when_it_changes_something() -> None:
    sent = use_client(
        "cookie = 'x__Host-limen_csrf=no; __Host-limen_csrf=a=b; other=1';"
        "await limen.getMe(); await limen.signOut(); await limen.revokeSession('s');"
        "cookie = 'other=1'; await limen.signIn({});"
        "return sent.map(({ headers }) => headers['x-csrf-token'] ?? null);"
    )
    assert sent == [None, "a=b", "a=b", None]


def test_client_knows_whether_a_session_is_likely() -> None:
    assert use_client(
        "const before = limen.hasSession; cookie = '__Host-limen_csrf=t';"
        "return [before, limen.hasSession];"
    ) == [False, True]


def test_client_collects_all_pages_of_sessions() -> None:
    sessions, paths = use_client(
        """answers.push(answer(200, '{"sessions":[{"sessionId":"1"}],"nextPageToken":"n&x"}'),
                        answer(200, '{"sessions":[{"sessionId":"2"}],"nextPageToken":""}'));
           return [await limen.listSessions(), sent.map(({ path }) => path)];"""
    )
    assert [session["sessionId"] for session in sessions] == ["1", "2"]
    assert paths == [
        "/v1/auth/sessions?pageSize=200&pageToken=",
        "/v1/auth/sessions?pageSize=200&pageToken=n%26x",
    ]


def test_client_tells_a_problem() -> None:
    error = use_client(
        """answers.push(answer(429, JSON.stringify({ title: 'Too many', detail: 'Wait.',
             reason: 'RATE_LIMITED', status: 999, errors: [{ field: 'email', message: 'No.' }] }),
             { 'retry-after': '30' }));
           return refused(limen.getMe());"""
    )
    assert error == {
        "name": "LimenError",
        "status": 429,
        "reason": "RATE_LIMITED",
        "detail": "Wait.",
        "errors": [{"field": "email", "message": "No."}],
        "retryAfter": 30,
        "signedOut": False,
    }


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, "<html>"), (500, ""), (200, "<html>"), (200, "null"), (400, '"text"'), (400, "[")],
)
def test_client_survives_an_answer_that_is_not_from_limen(status: int, body: str) -> None:
    error = use_client(
        f"answers.push(answer({status}, {json.dumps(body)})); return refused(limen.getMe());"
    )
    assert (error["status"], error["reason"], error["errors"]) == (status, "", [])


def test_client_tells_that_nobody_answered() -> None:
    error = run(
        "limen.js",
        "Limen",
        "const fetch = async () => { throw new TypeError('offline'); };"
        "const limen = new Limen({ fetch, readCookies: () => '' });"
        "try { await limen.getMe(); } catch ({ status, reason, cause }) {"
        "  return [status, reason, cause.message]; }",
    )
    assert error == [0, "UNREACHABLE", "offline"]


@pytest.mark.parametrize(
    ("reason", "signed_out"),
    [("UNAUTHENTICATED", True), ("CREDENTIAL_INVALID", True), ("SIGN_IN_FAILED", False)],
)
def test_only_a_lost_session_asks_for_signing_in(reason: str, signed_out: bool) -> None:
    body = json.dumps(json.dumps({"reason": reason}))
    error = use_client(f"answers.push(answer(401, {body})); return refused(limen.getMe());")
    assert error["signedOut"] is signed_out


@pytest.mark.parametrize(("header", "seconds"), [("soon", None), ("-1", 0), ("7", 7)])
def test_client_reads_how_long_to_wait(header: str, seconds: int | None) -> None:
    error = use_client(
        f"answers.push(answer(503, '{{}}', {{ 'retry-after': '{header}' }}));"
        "return refused(limen.getMe());"
    )
    assert error["retryAfter"] == seconds


def test_client_reads_until_when_to_wait() -> None:
    error = use_client(
        "const date = new Date(Date.now() + 3_600_000).toUTCString();"
        "answers.push(answer(503, '{}', { 'retry-after': date }));"
        "return refused(limen.getMe());"
    )
    assert 3000 < error["retryAfter"] <= 3600


@pytest.mark.parametrize(
    ("user_agent", "name", "kind"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0", "Firefox · Linux", "computer"),
        (
            "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge · Windows",
            "computer",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari · iOS",
            "phone",
        ),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/140.0 Mobile", "Chrome · Android", "phone"),
        ("curl/8.5.0", "curl", "computer"),
        ("", "", "computer"),
        ("x" * 500, "x" * 40, "computer"),
    ],
)
def test_device_is_named(user_agent: str, name: str, kind: str) -> None:
    described = run("device.js", "describeDevice", f"return describeDevice({user_agent!r});")
    assert described == {"name": name, "kind": kind}


def test_mailed_token_leaves_the_address() -> None:
    answer = run(
        "mailed-token.js",
        "takeMailedToken",
        "const places = [];"
        "globalThis.history = { replaceState: (...change) => places.push(change) };"
        "globalThis.location = { pathname: '/verify-email', search: '?a=1&token=t-_1' };"
        "const token = takeMailedToken(); location.search = '';"
        "return [token, takeMailedToken(), places];",
    )
    assert answer == ["t-_1", "", [[None, "", "/verify-email"], [None, "", "/verify-email"]]]


@pytest.mark.parametrize(
    ("language", "seconds", "words"),
    [
        ("en", 1, "1 second"),
        ("en", 60, "60 seconds"),
        ("en", 95, "2 minutes"),
        ("de", 600, "10 Minuten"),
        ("ja", 7200, "2 時間"),
        ("en", 0, "0 seconds"),
    ],
)
def test_time_to_wait_is_said_in_the_language_of_the_page(
    language: str, seconds: int, words: str
) -> None:
    answer = run(
        "texts.js",
        "duration",
        f"globalThis.document = {{ documentElement: {{ lang: '{language}' }} }};"
        f"return duration({seconds});",
    )
    assert answer == words


def test_time_of_last_use_is_said_in_the_language_of_the_page() -> None:
    answer = run(
        "texts.js",
        "timeAgo",
        "globalThis.document = { documentElement: { lang: 'en' } };"
        "const now = new Date(); const ago = (s) => timeAgo(new Date(now - s * 1000), now);"
        "return [ago(-5), ago(30), ago(60), ago(7300), ago(90_000), ago(900_000)];",
    )
    assert answer == ["now", "now", "1 minute ago", "2 hours ago", "yesterday", "10 days ago"]
