/**
 * A client of limen for browsers: every call a signed-in or arriving person needs.
 *
 * It works on the origin that serves limen, with the session in an HttpOnly cookie that no script
 * can read. It stands alone: copy it, or import it.
 *
 *     import { Limen, LimenError } from '/assets/limen.js';
 *
 *     const limen = new Limen();
 *     await limen.signIn({ email, password });
 *     const user = await limen.getMe();
 */

const CSRF_COOKIE = '__Host-limen_csrf';
const TIMEOUT_MS = 30_000;
const COOKIE = 'CREDENTIAL_DELIVERY_COOKIE';

/**
 * Why a call failed: an RFC 9457 problem, or no answer at all (status 0). Nobody answered for the
 * reason UNREACHABLE; the browser brought no passkey for PASSKEY_REFUSED, and found that the
 * account has one on this device for PASSKEY_KNOWN.
 */
export class LimenError extends Error {
  /** The HTTP status, 0 if there was no answer. */
  status;
  /** A name from limen.errors.v1.ErrorReason, empty if the answer did not come from limen. */
  reason;
  /** What happened, for people, in the language of the browser. May be empty. */
  detail;
  /** One `{field, reason, message}` for each fault in the request, with JSON field names. */
  errors;
  /** Seconds to wait before another try, or null. */
  retryAfter;

  constructor({ status = 0, reason = '', detail = '', errors = [], retryAfter = null, cause }) {
    super(`${status} ${reason}: ${detail}`, { cause });
    this.name = 'LimenError';
    Object.assign(this, { status, reason, detail, errors, retryAfter });
  }

  /** Whether the session is missing or over, so that only signing in helps. */
  get signedOut() {
    return this.reason === 'UNAUTHENTICATED' || this.reason === 'CREDENTIAL_INVALID';
  }
}

/** The calls. Each returns a promise of the answer and throws a LimenError if it is refused. */
export class Limen {
  #fetch;
  #readCookies;

  /** Both parameters exist for tests: what sends a request, and what reads `document.cookie`. */
  constructor({
    fetch = globalThis.fetch.bind(globalThis),
    readCookies = () => document.cookie,
  } = {}) {
    this.#fetch = fetch;
    this.#readCookies = readCookies;
  }

  /** Whether this browser seems to hold a session. Only a call can tell for certain. */
  get hasSession() {
    return this.#csrfToken() !== null;
  }

  /** Opens an account and has a confirmation link mailed. */
  signUp({ email, password, displayName, locale }) {
    return this.#call('POST', '/v1/auth/sign-up', { email, password, displayName, locale });
  }

  /** Confirms an address with the token of a mailed link. */
  verifyEmail(token) {
    return this.#call('POST', '/v1/auth/email:verify', { token });
  }

  /** Has another confirmation link mailed. */
  resendVerification(email) {
    return this.#call('POST', '/v1/auth/email:resend', { email });
  }

  /**
   * Opens a session and returns `{session, user}`; the credential arrives as a cookie. Whoever has
   * a second factor gets `{challenge}` instead, for `verifySignIn` or `signInWithPasskey`.
   */
  signIn({ email, password }) {
    return this.#call('POST', '/v1/auth/sign-in', { email, password, delivery: COOKIE });
  }

  /** Answers a challenge with a `totpCode` or a `recoveryCode`, and opens the session. */
  verifySignIn({ challengeToken, totpCode, recoveryCode }) {
    const proof = { challengeToken, totpCode, recoveryCode, delivery: COOKIE };
    return this.#call('POST', '/v1/auth/sign-in:verify', proof);
  }

  /** Opens a session with a passkey, which answers a challenge if there is one. */
  async signInWithPasskey({ challengeToken } = {}) {
    const begun = await this.#call('POST', '/v1/auth/passkey:begin', { challengeToken });
    const credential = await consent(() =>
      navigator.credentials.get({
        publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(begun.options),
      }),
    );
    const { ceremonyToken } = begun;
    const answer = { ceremonyToken, credential, delivery: COOKIE };
    return this.#call('POST', '/v1/auth/passkey:finish', answer);
  }

  /**
   * Renews the proof of identity that some calls want (PROOF_TOO_OLD, ASSURANCE_TOO_LOW). Returns
   * `{challenge}` for whoever has a second factor, as `signIn` does.
   */
  reauthenticate({ password }) {
    return this.#call('POST', '/v1/auth/reauthenticate', { password });
  }

  /** Ends the session of this browser. */
  signOut() {
    return this.#call('POST', '/v1/auth/sign-out', {});
  }

  /** Has a link mailed with which the password can be set anew. */
  requestPasswordReset(email) {
    return this.#call('POST', '/v1/auth/password:requestReset', { email });
  }

  /** Sets the password with the token of a mailed link. */
  resetPassword({ token, newPassword }) {
    return this.#call('POST', '/v1/auth/password:reset', { token, newPassword });
  }

  /** Replaces the password and ends all other sessions. */
  changePassword({ currentPassword, newPassword }) {
    return this.#call('POST', '/v1/auth/password:change', { currentPassword, newPassword });
  }

  /** Returns the account of the caller. */
  getMe() {
    return this.#call('GET', '/v1/users/me');
  }

  /** Changes the fields given; with the `etag` of what was read, no other change is overwritten. */
  updateMe(changes) {
    return this.#call('PATCH', '/v1/users/me', changes);
  }

  /** Returns all live sessions of the caller, the most recently used first. */
  async listSessions() {
    const sessions = [];
    let pageToken = '';
    do {
      const query = new URLSearchParams({ pageSize: '200', pageToken });
      const page = await this.#call('GET', `/v1/auth/sessions?${query}`);
      sessions.push(...(page.sessions ?? []));
      pageToken = page.nextPageToken ?? '';
    } while (pageToken);
    return sessions;
  }

  /** Ends one session of the caller. */
  revokeSession(sessionId) {
    return this.#call('DELETE', `/v1/auth/sessions/${encodeURIComponent(sessionId)}`);
  }

  /** Ends all sessions of the caller but this one. */
  revokeOtherSessions() {
    return this.#call('POST', '/v1/auth/sessions:revokeOthers', {});
  }

  /** Returns `{factors, recoveryCodesLeft}`: what the caller can show besides the password. */
  listFactors() {
    return this.#call('GET', '/v1/factors');
  }

  /** Removes one factor of the caller. */
  deleteFactor(factorId) {
    return this.#call('DELETE', `/v1/factors/${encodeURIComponent(factorId)}`);
  }

  /** Has the browser make a passkey; returns `{factor, recoveryCodes}`. */
  async addPasskey({ displayName } = {}) {
    const begun = await this.#call('POST', '/v1/factors/passkeys:begin', {});
    const credential = await consent(() =>
      navigator.credentials.create({
        publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(begun.options),
      }),
    );
    const { ceremonyToken } = begun;
    return this.#call('POST', '/v1/factors/passkeys', { ceremonyToken, credential, displayName });
  }

  /** Begins to add an authenticator app; returns `{factorId, otpauthUri, secret}`. */
  enrollTotp({ displayName } = {}) {
    return this.#call('POST', '/v1/factors/totp', { displayName });
  }

  /** Adds the app by a code that it shows; returns `{recoveryCodes}`. */
  confirmTotp({ factorId, code }) {
    return this.#call('POST', '/v1/factors/totp:confirm', { factorId, code });
  }

  /** Makes new recovery codes; returns `{recoveryCodes}`. */
  regenerateRecoveryCodes() {
    return this.#call('POST', '/v1/factors/recovery-codes:regenerate', {});
  }

  async #call(method, path, body) {
    const { response, text } = await this.#exchange(path, {
      method,
      headers: this.#headers(method, body),
      body: body === undefined ? undefined : JSON.stringify(body),
      // The mode stays `cors`: in `same-origin` mode a page without referrer sends `Origin: null`.
      credentials: 'same-origin',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = parseJson(text);
    if (response.ok && answer !== null) {
      return answer;
    }
    const retryAfter = parseRetryAfter(response.headers.get('retry-after'));
    throw new LimenError({ ...answer, status: response.status, retryAfter });
  }

  async #exchange(path, init) {
    try {
      const response = await this.#fetch(path, init);
      return { response, text: await response.text() };
    } catch (cause) {
      throw new LimenError({ reason: 'UNREACHABLE', cause });
    }
  }

  #headers(method, body) {
    const headers = { accept: 'application/json, application/problem+json' };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
    }
    const csrfToken = this.#csrfToken();
    if (method !== 'GET' && csrfToken !== null) {
      headers['x-csrf-token'] = csrfToken;
    }
    return headers;
  }

  #csrfToken() {
    for (const cookie of this.#readCookies().split('; ')) {
      const [name, ...value] = cookie.split('=');
      if (name === CSRF_COOKIE) {
        return value.join('=');
      }
    }
    return null;
  }
}

/**
 * Whether passkeys can be used in this place: the browser knows them, and the page was reached by
 * a name, for no passkey belongs to an IP address.
 */
export function passkeysWork() {
  const knows = typeof globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON === 'function';
  return knows && hasName();
}

/** Whether the page was reached by a name, and not by an IP address. */
export function hasName({ hostname } = location) {
  return !/^[\d.]+$|:/.test(hostname);
}

/** Has someone agree to the use of a passkey, and returns the answer of the browser as JSON. */
async function consent(ask) {
  try {
    return (await ask()).toJSON();
  } catch (cause) {
    // An authenticator that has a passkey of the account already (Web Authentication, 5.1.3).
    const known = cause.name === 'InvalidStateError';
    throw new LimenError({ reason: known ? 'PASSKEY_KNOWN' : 'PASSKEY_REFUSED', cause });
  }
}

/** Returns the object that the text holds, `{}` for an empty text, null for anything else. */
function parseJson(text) {
  try {
    const value = JSON.parse(text || '{}');
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** Returns the seconds of a Retry-After header (RFC 9110, section 10.2.3), or null. */
function parseRetryAfter(value) {
  if (!value) {
    return null;
  }
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? null : Math.max(0, Math.ceil(seconds));
}
