"""The objects of OpenSLO v1 as they stand in a file: a kind, a name, a specification that is not read yet.

https://github.com/OpenSLO/OpenSLO#specification
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.yaml_values import DefinitionError, Value, read_documents

API_VERSION: Final = "openslo/v1"
PREFIX: Final = "metrics-ai.io/"
"""Of annotations that are ours; others are left alone."""
KINDS: Final = (
    "SLO",
    "SLI",
    "Service",
    "DataSource",
    "AlertPolicy",
    "AlertCondition",
    "AlertNotificationTarget",
)
_RFC1123 = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9][a-z0-9.|/\\-]{0,254}")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an object says of itself; ``annotations`` are ours, without their prefix."""

    name: str
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Described:
    """An object: ``root`` is all of it, ``spec`` its specification."""

    kind: str
    metadata: Metadata
    root: Value
    spec: Value


Known = Mapping[tuple[str, str], Described]
"""Objects by kind and name."""


@dataclass(slots=True)
class Parsed:
    """The objects of a file, and what is wrong with the others."""

    objects: list[Described] = field(default_factory=list)
    problems: list[DefinitionError] = field(default_factory=list)


def parse(content: str | bytes, file: str) -> Parsed:
    r"""The objects of a text of one or more YAML documents.

    Examples
    --------
    >>> parse("apiVersion: openslo/v1\nkind: Service\nmetadata: {name: shop}\nspec: {}", "a.yaml").objects[0].kind
    'Service'
    >>> str(parse("kind: SLO", "a.yaml").problems[0])
    'a.yaml:1: apiVersion is missing. Add apiVersion'
    """
    empty = DefinitionError(file, 1, "there is no object in it", "Define an SLO, or remove it")
    return Parsed(*read_documents(content, file, _described, empty))


def _described(root: Value) -> Described:
    known = ("apiVersion", "kind", "metadata", "spec")
    fields = root.fields(known, known)
    version = fields["apiVersion"].text()
    if version != API_VERSION:
        raise fields["apiVersion"].error(f"{version!r} cannot be read", f"Write apiVersion: {API_VERSION}")
    kind = fields["kind"].text()
    if kind not in KINDS:
        close = difflib.get_close_matches(kind, KINDS, 1)
        way_out = f"Did you mean {close[0]}?" if close else f"The kinds of {API_VERSION} are {', '.join(KINDS)}"
        raise fields["kind"].error(f"there is no kind {kind!r}", way_out)
    return Described(kind, metadata_of(fields["metadata"], strict=kind == "SLO"), root, fields["spec"])


def metadata_of(value: Value, *, strict: bool = False) -> Metadata:
    """An object's metadata; ``strict`` asks for a name as RFC 1123 has it.

    Raises
    ------
    DefinitionError
        If it cannot hold.
    """
    fields = value.fields(("name", "displayName", "labels", "annotations"), ("name",))
    title = fields["displayName"].text() if "displayName" in fields else ""
    labels = {key: _label(one) for key, one in fields["labels"].mapping().items()} if "labels" in fields else {}
    given = fields["annotations"].mapping() if "annotations" in fields else {}
    for one in given.values():
        one.text(10_000)
    ours = {key.removeprefix(PREFIX): one for key, one in given.items() if key.startswith(PREFIX)}
    name = rfc1123_name(fields["name"]) if strict else name_of(fields["name"])
    return Metadata(name, title, labels, ours)


def _label(value: Value) -> str:
    """A label's value; several are joined by commas."""
    if value.is_list:
        return ",".join(one.text() for one in value.items())
    return value.text()


def rfc1123_name(value: Value) -> str:
    """A name as RFC 1123 has it.

    Raises
    ------
    DefinitionError
        If it is none.
    """
    name = value.text()
    if _RFC1123.fullmatch(name) is None:
        raise value.error(
            f"{name[:80]!r} is no name", "Use up to 63 lower-case letters, digits and -, as in checkout-latency"
        )
    return name


def name_of(value: Value) -> str:
    """A name as OpenSLO has it, which takes dots and slashes too.

    Raises
    ------
    DefinitionError
        If it is none.
    """
    name = value.text()
    if _NAME.fullmatch(name) is None:
        raise value.error(f"{name[:80]!r} is no name", "Use lower-case letters, digits, -, . and /, as in web-shop")
    return name
