"""Addresses of logs and dashboards with labels in them: what is filled in is quoted, and never names a host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlsplit

MAX_ADDRESS: Final = 2000
_NAME: Final = re.compile(r"\{([^{}]+)\}")


def filled(links: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    """Addresses with labels filled in; those that name a label that is absent are left out, as are endless ones.

    Parameters
    ----------
    links
        By what is behind them.
    facts
        Labels, and what else may be named.

    Examples
    --------
    >>> filled({"logs": "https://logs/?q={node}", "pods": "https://k8s/{pod}"}, {"node": "h 1/&x"})
    {'logs': 'https://logs/?q=h%201%2F%26x'}
    """
    found = {}
    for name, address in links.items():
        if all(facts.get(label) for label in _NAME.findall(address)):
            whole = _NAME.sub(lambda match: quote(facts[match[1]], safe=""), address)
            if len(whole) <= MAX_ADDRESS:
                found[name] = whole
    return found


def problem_of(address: str) -> str | None:
    """What is wrong with an address that is to be filled in; None if nothing is.

    A label must not say where people are led: whoever sends metrics chooses its value.

    Examples
    --------
    >>> problem_of("https://logs.example.com/?q={node}"), problem_of("logs/{node}"), problem_of("https://{node}/logs")
    (None, 'it does not begin with http:// or https:// and a host', 'its host names a label')
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return "it is no address"
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return "it does not begin with http:// or https:// and a host"
    if "{" in parts.netloc:
        return "its host names a label"
    if set("{}") & set(_NAME.sub("", address)):
        return "a brace stands alone"
    if any(one.isspace() or not one.isprintable() for one in _NAME.sub("", address)):
        return "there is a space in it"
    return None
