"""Who may ask for what: bearer tokens with a role and tenants."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from console.problems import RequestError
from console.settings import ALL_TENANTS, ConsoleSettings, Role, TokenSettings, secret_of
from schemas.errors import ConfigurationError

RANKS: Final[Mapping[Role, int]] = {"viewer": 0, "responder": 1, "admin": 2}
TENANT_HEADER: Final = "X-Tenant"
ANYBODY: Final = ""
MOST_TENANT_CHARS: Final = 200
_BEARER = HTTPBearer(auto_error=False, description="Needed once `console.tokens` names one.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, for which tenant.

    Parameters
    ----------
    name
        Of the token; empty where none is needed.
    role
        What they may do.
    tenant
        Whose alerts and incidents this request is about.
    """

    name: str
    role: Role
    tenant: str

    def acting(self, given: str = "") -> str:
        """Who stands behind what is asked for: an admin, or anybody without tokens, may name another.

        Examples
        --------
        >>> Caller("ci", "responder", "t").acting("eva"), Caller("eva", "admin", "t").acting("adam")
        ('eva (token ci)', 'adam')
        """
        if not given or given == self.name:
            return self.name
        if self.role == "admin":
            return given
        return f"{given} (token {self.name})"[:200]


@dataclass(frozen=True, slots=True)
class Key:
    """A token as it is kept: its hash alone.

    Parameters
    ----------
    name, role, tenants
        As in the settings.
    digest
        SHA-256 of the token.
    """

    name: str
    role: Role
    tenants: tuple[str, ...]
    digest: bytes


class Keyring:
    """All tokens that are known.

    Parameters
    ----------
    keys
        They; without any, everybody is let in as an admin.
    tenant
        Whom a request is about that does not say so.

    Examples
    --------
    >>> key = Key("ci", "viewer", ("shop",), hashlib.sha256(b"s3cret").digest())
    >>> Keyring([key], "shop").caller("s3cret", None)
    Caller(name='ci', role='viewer', tenant='shop')
    """

    def __init__(self, keys: Sequence[Key], tenant: str) -> None:
        self._keys = tuple(keys)
        self._tenant = tenant

    @classmethod
    def of(cls, settings: ConsoleSettings, tenant: str) -> Keyring:
        """The tokens of the settings.

        Raises
        ------
        ConfigurationError
            If a token's file cannot be read or is empty, or two tokens share a name.
        """
        names = [one.name for one in settings.tokens]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigurationError(f"console.tokens: {twice} is there twice", "Give each token a name of its own")
        return cls([_key(one) for one in settings.tokens], tenant)

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a token."""
        return not self._keys

    def caller(self, token: str | None, tenant: str | None) -> Caller:
        """Who shows a token.

        Parameters
        ----------
        token
            As it was shown, if one was.
        tenant
            As the request says.

        Raises
        ------
        RequestError
            401 without a token that is known; 403 if it may not see the tenant.
        """
        if self.is_open:
            return Caller(ANYBODY, "admin", tenant or self._tenant)
        key = self._found(token)
        wanted = tenant or self._first_of(key)
        if ALL_TENANTS not in key.tenants and wanted not in key.tenants:
            raise RequestError(403, f"token {key.name} is not for tenant {wanted}", "Ask with another token")
        return Caller(key.name, key.role, wanted)

    def _first_of(self, key: Key) -> str:
        is_his = ALL_TENANTS in key.tenants or self._tenant in key.tenants
        return self._tenant if is_his else key.tenants[0]

    def _found(self, token: str | None) -> Key:
        shown = hashlib.sha256((token or "").encode()).digest()
        # All of them, each in the same time: how long it takes tells nothing of which was nearly right.
        fitting = [key for key in self._keys if hmac.compare_digest(key.digest, shown)]
        if not token or not fitting:
            what = "this token is not known" if token else "a token is needed"
            raise RequestError(
                401, what, "Send Authorization: Bearer TOKEN", headers={"WWW-Authenticate": 'Bearer realm="metrics-ai"'}
            )
        return fitting[0]


def _key(token: TokenSettings) -> Key:
    if token.sha256 is not None:
        digest = bytes.fromhex(token.sha256)
    else:
        assert token.token_file is not None
        digest = hashlib.sha256(secret_of(token.token_file, f"console.tokens: {token.name}").encode()).digest()
    return Key(token.name, token.role, tuple(token.tenants), digest)


class Access:
    """What the routes depend on to know who asks.

    Parameters
    ----------
    keyring
        Who is known.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def authenticate(self, request: Request, bearer: Bearer) -> None:
        """Find out who asks, and remember it with the request."""
        token = bearer.credentials if bearer is not None else None
        tenant = request.headers.get(TENANT_HEADER, "")
        if len(tenant) > MOST_TENANT_CHARS or not tenant.isprintable():
            raise RequestError(400, f"{TENANT_HEADER} is no name of a tenant")
        request.state.caller = self._keyring.caller(token, tenant or None)


def caller_of(request: Request) -> Caller:
    """Who asks, once that is known."""
    caller: Caller = request.state.caller
    return caller


def responder_of(request: Request) -> Caller:
    """Who asks, if they may act."""
    caller = caller_of(request)
    if RANKS[caller.role] < RANKS["responder"]:
        raise RequestError(403, f"token {caller.name} may only read", "Ask with a token of the role responder")
    return caller


Viewer = Annotated[Caller, Depends(caller_of)]
Responder = Annotated[Caller, Depends(responder_of)]
