"""Who reaches the API: this machine alone, or others too, who need a token."""

from __future__ import annotations

import ipaddress

from console.settings import ConsoleSettings
from schemas.errors import ConfigurationError


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there.

    Examples
    --------
    >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "", "example.org")]
    [True, True, True, False, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_tokens(host: str, settings: ConsoleSettings) -> None:
    """Refuse to let everybody in from other machines.

    Raises
    ------
    ConfigurationError
        If it would listen beyond this machine, and no token is configured.
    """
    if not settings.tokens and not is_loopback(host):
        raise ConfigurationError(
            f"the API would listen on {host} without a token, open to whoever reaches it",
            "Set console.tokens, or http.host: 127.0.0.1",
        )
