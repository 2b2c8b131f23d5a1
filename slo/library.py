"""All SLOs that hold, from many files: what is bad is refused by the file, and what the file last said stays.

A pure step: the library before and the files as they are now make the library after. Names are unique within a tenant;
objects refer to each other across the files of a tenant, and never across tenants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import NamedTuple

from schemas.yaml_values import DefinitionError
from slo.definition import Slo
from slo.objects import Parsed, parse
from slo.openslo import Defined, resolve


@dataclass(frozen=True, slots=True)
class File:
    """A file of definitions.

    Parameters
    ----------
    name
        As a user would write it.
    tenant
        Whose SLOs stand in it.
    content
        What is in it; None if it cannot be read.
    """

    name: str
    tenant: str
    content: bytes | None


class TenantReading(NamedTuple):
    """What the files of a tenant say, by their names, what is wrong with them, and which lack an SLO for it."""

    files: tuple[File, ...]
    said: Mapping[str, tuple[Defined, ...]]
    problems: tuple[DefinitionError, ...]
    lacking: frozenset[str]
    parsed: Mapping[File, Parsed]


@dataclass(frozen=True, slots=True)
class Library:
    """SLOs by key.

    Parameters
    ----------
    defined
        Every SLO that holds, with its place, by ``TENANT/NAME``.
    problems
        Everything that is wrong with the files as they are.
    news
        Those of them that the library before did not have.
    files
        What was read.
    good
        By the file's name, what it last said when it was good.
    tenants
        What was read of each tenant: files refer to none of another's, so that only one that changed is read again.
    """

    defined: Mapping[str, Defined] = field(default_factory=dict)
    problems: tuple[DefinitionError, ...] = ()
    news: tuple[DefinitionError, ...] = ()
    files: tuple[File, ...] = ()
    good: Mapping[str, tuple[Defined, ...]] = field(default_factory=dict)
    tenants: Mapping[str, TenantReading] = field(default_factory=dict)

    @property
    def slos(self) -> dict[str, Slo]:
        """The SLOs alone, by key."""
        return {key: one.slo for key, one in self.defined.items()}


def reload(
    before: Library, files: Iterable[File], shipped: Sequence[Defined] = (), tenants: Iterable[str] = ()
) -> Library:
    """The library after a look at the files.

    Parameters
    ----------
    before
        The one before; ``Library()`` at first.
    files
        All files as they are now; one that is gone takes its SLOs with it.
    shipped
        SLOs that every tenant has, but for those of whose name it has one itself; the same at every look.
    tenants
        Tenants that have them though they have no file.

    Examples
    --------
    >>> bad = reload(Library(), [File("a.yaml", "default", b"kind: SLO")])
    >>> [str(one) for one in bad.news], [str(one) for one in reload(bad, bad.files).news]
    (['a.yaml:1: apiVersion is missing. Add apiVersion'], [])
    """
    now = tuple(sorted(files, key=lambda file: (file.tenant, file.name)))
    if now and now == before.files:
        return replace(before, news=())
    tenants_now = {
        tenant: _read(tuple(files), tenant, before.tenants.get(tenant))
        for tenant, files in groupby(now, key=lambda file: file.tenant)
    }
    read = {name: said for one in tenants_now.values() for name, said in one.said.items()}
    problems = [problem for one in tenants_now.values() for problem in one.problems]
    bad = {name for one in tenants_now.values() for name in one.lacking} | {problem.file for problem in problems}
    good = {file.name: before.good.get(file.name, ()) if file.name in bad else read.get(file.name, ()) for file in now}
    told = {str(problem) for problem in before.problems}
    return Library(
        defined=_together(good, shipped, {*tenants, *(file.tenant for file in now)}),
        problems=tuple(problems),
        news=tuple(problem for problem in problems if str(problem) not in told),
        files=now,
        good=good,
        tenants=tenants_now,
    )


def _read(files: tuple[File, ...], tenant: str, before: TenantReading | None) -> TenantReading:
    if before is not None and before.files == files:
        return before
    known = before.parsed if before is not None else {}
    parsed = [known.get(file) or _parsed(file) for file in files]
    reading = resolve((one for each in parsed for one in each.objects), tenant)
    found: dict[str, list[Defined]] = {file.name: [] for file in files}
    for one in reading.defined:
        found[one.file].append(one)
    problems = [problem for each in parsed for problem in each.problems] + reading.problems
    order = {file.name: at for at, file in enumerate(files)}
    problems.sort(key=lambda one: (order[one.file], one.line))
    said = {name: tuple(ones) for name, ones in found.items()}
    kept = dict(zip(files, parsed, strict=True))
    return TenantReading(files, said, tuple(problems), frozenset(reading.lacking), kept)


def _parsed(file: File) -> Parsed:
    if file.content is None:
        return Parsed(problems=[DefinitionError(file.name, 1, "the file cannot be read", "Check its permissions")])
    return parse(file.content, file.name)


def _together(
    good: Mapping[str, tuple[Defined, ...]], shipped: Sequence[Defined], tenants: Iterable[str]
) -> dict[str, Defined]:
    found: dict[str, Defined] = {}
    for ones in good.values():
        for one in ones:
            found.setdefault(one.slo.key, one)
    for tenant in tenants:
        for one in shipped:
            slo = one.slo.model_copy(update={"tenant": tenant})
            found.setdefault(slo.key, Defined(slo, one.place, one.file))
    return dict(sorted(found.items()))
