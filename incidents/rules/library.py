"""All rules that hold, from many files: a file in which something is wrong is refused whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from incidents.rules.book import RuleBook
from incidents.rules.reading import Placed, Reading, read_rules
from incidents.rules.shadow import shadowed
from schemas.yaml_values import DefinitionError


class RuleFile(NamedTuple):
    """A file of rules.

    Parameters
    ----------
    name
        As a user would write it.
    content
        What is in it; None if it cannot be read.
    tenant
        Whose rules stand in it; None for everybody's.
    """

    name: str
    content: bytes | None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class RuleLibrary:
    """Rules in the order in which they are asked.

    Parameters
    ----------
    placed
        Every rule that holds, with its place.
    problems
        Everything that is wrong with the files.
    """

    placed: tuple[Placed, ...] = ()
    problems: tuple[DefinitionError, ...] = ()

    @property
    def book(self) -> RuleBook:
        """The rules alone, ready to judge."""
        return RuleBook([one.rule for one in self.placed])


def read_rule_library(files: Iterable[RuleFile], shipped: Sequence[Placed] = ()) -> RuleLibrary:
    """The library of some files.

    Parameters
    ----------
    files
        Those of a user, asked in the order of their names; a name that two rules of a tenant have is refused with the
        file that comes later. A rule that can never speak is told of, and does no harm.
    shipped
        Rules that are asked after them; one of everybody's of the same name replaces one.

    Examples
    --------
    >>> [str(one) for one in read_rule_library([RuleFile("a.yaml", b"rules: []")]).problems]
    ['a.yaml:1: rules: the list is empty. Write a rule, or remove the file']
    """
    held: list[Placed] = []
    refused: list[Placed] = []
    problems: list[DefinitionError] = []
    for file in sorted(files, key=lambda one: one.name):
        reading = _read(file)
        wrong = [*reading.problems, *_taken(reading, held)]
        problems += sorted(wrong, key=lambda one: one.line)
        (refused if wrong else held).extend(reading.placed)
    mine = {one.place for one in [*held, *refused]}
    replaced = {one.rule.name for one in held if one.rule.tenant is None}
    held += [one for one in shipped if one.rule.name not in replaced]
    # Of a file that is refused too: who mends it should hear of everything at once.
    asked = sorted([*held, *refused], key=lambda one: (one.place not in mine, one.file))
    told = {one.where for one in problems}
    problems += [one for one in shadowed(asked) if one.where in mine - told]
    return RuleLibrary(tuple(sorted(held, key=lambda one: one.rule.tenant is None)), tuple(problems))


def _read(file: RuleFile) -> Reading:
    if file.content is None:
        return Reading(problems=[DefinitionError(file.name, 1, "the file cannot be read", "Check its permissions")])
    return read_rules(file.content, file.name, file.tenant)


def _taken(reading: Reading, held: Sequence[Placed]) -> list[DefinitionError]:
    """Names that another rule of the tenant has, of a file before or of this one."""
    before = {(one.rule.tenant, one.rule.name): one for one in held}
    problems = []
    for one in reading.placed:
        first = before.setdefault((one.rule.tenant, one.rule.name), one)
        if first is not one:
            what = f"a second rule {one.rule.name}; the first stands at {first.place}"
            problems.append(DefinitionError(one.file, one.line, what, "Rename one of them"))
    return problems
