"""All runbooks that hold, from many files: a file in which something is wrong is refused whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runbooks.matching import MOST_SHOWN, fitting
from runbooks.reading import Placed, Reading, read_runbooks
from runbooks.spec import Runbook
from schemas.yaml_values import DefinitionError

File = tuple[str, bytes | None]
"""A file's name, as a user would write it, and what is in it; None if it cannot be read."""


@dataclass(frozen=True, slots=True)
class Library:
    """Runbooks by id.

    Parameters
    ----------
    placed
        Every runbook that holds, with its place.
    problems
        Everything that is wrong with the files.
    """

    placed: Mapping[str, Placed] = field(default_factory=dict)
    problems: tuple[DefinitionError, ...] = ()

    @property
    def runbooks(self) -> list[Runbook]:
        """The runbooks alone, by id."""
        return [one.runbook for one in self.placed.values()]

    def fitting(self, labels: Mapping[str, str], limit: int = MOST_SHOWN) -> list[Runbook]:
        """The runbooks that fit an alert's labels, the most specific first."""
        return fitting(self.runbooks, labels, limit)


def read_library(files: Iterable[File], shipped: Sequence[Placed] = ()) -> Library:
    """The library of some files.

    Parameters
    ----------
    files
        Those of a user; an id that two runbooks have is refused with the file that comes later by name.
    shipped
        Runbooks that hold where none of the files has one of the same id.

    Examples
    --------
    >>> [str(one) for one in read_library([("a.yaml", b"id: a")]).problems]
    ['a.yaml:1: title is missing. Add title']
    """
    held: dict[str, Placed] = {}
    problems: list[DefinitionError] = []
    for name, content in sorted(files, key=lambda file: file[0]):
        reading = _read(name, content)
        taken = [*reading.problems, *_taken(reading, held)]
        problems += sorted(taken, key=lambda one: one.line)
        if not taken:
            held |= {one.runbook.id: one for one in reading.placed}
    for one in shipped:
        held.setdefault(one.runbook.id, one)
    return Library(dict(sorted(held.items())), tuple(problems))


def _read(name: str, content: bytes | None) -> Reading:
    if content is None:
        return Reading(problems=[DefinitionError(name, 1, "the file cannot be read", "Check its permissions")])
    return read_runbooks(content, name)


def _taken(reading: Reading, held: Mapping[str, Placed]) -> list[DefinitionError]:
    """Ids that another runbook has, of a file before or of this one."""
    problems = []
    before = dict(held)
    for one in reading.placed:
        first = before.setdefault(one.runbook.id, one)
        if first is not one:
            what = f"a second runbook of the id {one.runbook.id}; the first stands at {first.place}"
            problems.append(DefinitionError(one.file, one.line, what, "Rename one of them"))
    return problems
