"""Runbooks as they stand in a file: one a YAML document, and every error with its line and a way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from runbooks.spec import ID, LINK, LONGEST_TITLE, RISKS, Check, Escalation, Runbook, Step, checked_matcher
from schemas.yaml_values import DefinitionError, Value, read_documents

_Part = TypeVar("_Part")
_LONGEST_COMMAND: Final = 4000
_REQUIRED: Final = ("id", "title", "mends", "matchers", "steps", "escalate")
_KNOWN: Final = (*_REQUIRED[:4], "unless", "checks", *_REQUIRED[4:], "sources")
# Not yes and no, which YAML 1.1 takes for true and false.
_OF_CHECK: Final = ("look", "command", "if_yes", "if_no")
_WRITE_MATCHER: Final = """Write it like '{alertname="disk_full",node=~"db.*"}', in single quotes"""


@dataclass(frozen=True, slots=True)
class Placed:
    """A runbook, and where it stands."""

    runbook: Runbook
    file: str
    line: int

    @property
    def place(self) -> str:
        """``FILE:LINE``."""
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Reading:
    """What a file holds: runbooks, and what is wrong with it."""

    placed: list[Placed] = field(default_factory=list)
    problems: list[DefinitionError] = field(default_factory=list)

    @property
    def runbooks(self) -> list[Runbook]:
        """The runbooks alone."""
        return [one.runbook for one in self.placed]


def read_runbooks(content: str | bytes, file: str) -> Reading:
    """The runbooks of a file.

    Examples
    --------
    >>> str(read_runbooks("id: a", "a.yaml").problems[0])
    'a.yaml:1: title is missing. Add title'
    """
    empty = DefinitionError(file, 1, "there is no runbook in it", "Write one, or remove the file")
    placed, problems = read_documents(content, file, lambda root: Placed(_runbook(root), file, root.line), empty)
    return Reading(placed, problems)


def _runbook(root: Value) -> Runbook:
    given = root.fields(_KNOWN, _REQUIRED)
    return Runbook(
        id=_id(given["id"]),
        title=given["title"].text(LONGEST_TITLE),
        mends=given["mends"].text(),
        matchers=_some(given["matchers"], _matcher),
        unless=_each(given.get("unless"), _matcher),
        checks=_each(given.get("checks"), _check),
        steps=_some(given["steps"], _step),
        escalate=_some(given["escalate"], _escalation),
        sources=_each(given.get("sources"), _link),
    )


def _each(value: Value | None, read: Callable[[Value], _Part]) -> tuple[_Part, ...]:
    return () if value is None else tuple(read(one) for one in value.items())


def _some(value: Value, read: Callable[[Value], _Part]) -> tuple[_Part, ...]:
    found = _each(value, read)
    if not found:
        raise value.error("the list is empty", "Write at least one")
    return found


def _id(value: Value) -> str:
    text = value.text()
    if not ID.fullmatch(text):
        raise value.error(f"{text!r} is no id", "Take up to 63 of a-z, 0-9 and -, with a letter or digit at both ends")
    return text


def _matcher(value: Value) -> str:
    if value.is_mapping:
        raise value.error("YAML reads braces without quotes as a mapping", _WRITE_MATCHER)
    try:
        return checked_matcher(value.text())
    except ValueError as error:
        raise value.error(str(error), _WRITE_MATCHER) from error


def _check(value: Value) -> Check:
    given = value.fields(_OF_CHECK, _OF_CHECK)
    command = given.pop("command").text(_LONGEST_COMMAND).rstrip()
    look, if_yes, if_no = (given[name].text() for name in ("look", "if_yes", "if_no"))
    return Check(look=look, command=command, if_yes=if_yes, if_no=if_no)


def _step(value: Value) -> Step:
    given = value.fields(("do", "commands", "risk", "undo", "irreversible"), ("do", "risk"))
    if ("undo" in given) == ("irreversible" in given):
        raise value.error(
            "a step has either undo or irreversible", "Say how it is undone, or what is lost because it cannot be"
        )
    return Step(
        do=given["do"].text(),
        commands=_each(given.get("commands"), lambda one: one.text(_LONGEST_COMMAND).rstrip()),
        risk=given["risk"].choice(RISKS),
        undo=given["undo"].text() if "undo" in given else "",
        irreversible=given["irreversible"].text() if "irreversible" in given else "",
    )


def _escalation(value: Value) -> Escalation:
    given = value.fields(("when", "to"), ("when", "to"))
    return Escalation(when=given["when"].text(), to=given["to"].text())


def _link(value: Value) -> str:
    text = value.text()
    if not LINK.fullmatch(text):
        raise value.error(f"{text!r} is no link", "Write it like https://example.org/page")
    return text
