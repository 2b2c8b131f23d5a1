"""Schedules in the file of routes, and what is wrong with them."""

from __future__ import annotations

import pytest

from incidents.oncall.reading import read_schedules
from schemas.errors import ConfigurationError
from tests.unit.incidents.oncall.calendars import GOOGLE, LEVELS

TEXT = """\
route: {receiver: page}
receivers: [{name: page, oncall: eu}, {name: managers}]
schedules:
  - name: eu
    ics: eu.ics
    overrides: [swaps.ics]
    timezone: Europe/Berlin
    fallback: managers
    regions: [eu-west-1, eu-north-1]
  - name: us
    ics: [us.ics]
"""


def read_file(path: str) -> str:
    if path == "none.ics":
        raise ConfigurationError("none.ics: cannot be read", "Name a calendar")
    return {"eu.ics": GOOGLE, "bad.ics": "hello"}.get(path, LEVELS)


def test_every_field_is_read_and_the_rest_of_the_file_is_somebody_elses() -> None:
    found = read_schedules(TEXT, "a.yaml", read_file)
    assert found.problems == []
    eu, us = found.schedules
    assert (eu.name, eu.time_zone.key, eu.fallback, eu.regions) == (
        "eu",
        "Europe/Berlin",
        "managers",
        {"eu-west-1", "eu-north-1"},
    )
    assert ([one.name for one in eu.calendars], [one.name for one in eu.overrides]) == (["eu.ics"], ["swaps.ics"])
    assert ([one.name for one in us.calendars], us.overrides, us.time_zone.key) == (["us.ics"], (), "UTC")


def test_a_file_without_schedules_has_none() -> None:
    found = read_schedules("route: {receiver: page}", "a.yaml", read_file)
    assert (found.schedules, found.problems) == ([], [])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ics: eu.ics", "isc: eu.ics", "a.yaml:5: schedules[0].isc: there is no such field. Did you mean ics?"),
        ("Europe/Berlin", "Europe/Berlyn", "a.yaml:7: schedules[0].timezone: there is no time zone 'Europe/Berlyn'"),
        ("ics: eu.ics", "ics: none.ics", "a.yaml:5: schedules[0].ics: none.ics: cannot be read. Name a calendar"),
        ("ics: eu.ics", "ics: bad.ics", "bad.ics:1: "),
        ("name: us", "name: eu", "a.yaml:10: schedules[1]: a second schedule eu; the first stands on line 4"),
        ("schedules:\n", "schedules: 5\nothers:\n", "a.yaml:3: schedules: a list is wanted"),
        ("route:", "rou\tte: {", "not YAML"),
    ],
)
def test_what_cannot_hold_is_told_with_its_line(old: str, new: str, said: str) -> None:
    found = read_schedules(TEXT.replace(old, new, 1), "a.yaml", read_file)
    assert [said in str(one) for one in found.problems] == [True], found.problems
