/** The token that a mailed link brings along. */

/**
 * Returns the token in the address of the page, empty if there is none, and removes it from the
 * address bar and the history, where it could be read later.
 */
export function takeMailedToken() {
  const token = new URLSearchParams(location.search).get('token') ?? '';
  history.replaceState(null, '', location.pathname);
  return token;
}
