"""Whose credential is this? Asked on every call, and passed to the slice that keeps its kind."""

from server.apikeys.live_keys import LiveKeys
from server.auth.credentials import Credentials
from server.caller import Principal


class Authenticator:
    """Fulfils `server.interceptors.access.Authenticator`."""

    def __init__(self, *, credentials: Credentials, keys: LiveKeys) -> None:
        self._credentials = credentials
        self._keys = keys

    async def by_token(self, token: str, network: str) -> Principal:
        """The principal of an access token, or of an API key that is used from `network`.

        Raises `errors.CredentialInvalid`, and `errors.Unavailable`.
        """
        if self._keys.is_key(token):
            return await self._keys.principal(token, network)
        return await self._credentials.by_token(token)

    async def by_cookie(self, credential: str) -> Principal:
        """The principal of a session cookie; an API key is none.

        Raises `errors.CredentialInvalid`, and `errors.Unavailable`.
        """
        return await self._credentials.by_cookie(credential)
