"""Many files, one library: what is bad is refused, told once, and changes nothing that held."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo.budget import allowed_s
from slo.library import File, Library, reload
from slo.openslo import Defined, read_slos
from slo.settings import SloSettings
from tests.unit.slo.definitions import CHECKOUT, THRESHOLD, TIERED

SHIPPED = Path(__file__).resolve().parents[3] / "slo" / "shipped"
BAD = CHECKOUT.replace("99.95", "ninety")


def file(name: str, text: str, tenant: str = "default") -> File:
    return File(name, tenant, text.encode())


def told(library: Library) -> list[str]:
    return [str(problem) for problem in library.news]


def test_files_make_one_library_by_tenant_and_name() -> None:
    library = reload(Library(), [file("b.yaml", THRESHOLD, "acme"), file("a.yaml", CHECKOUT), file("c.yaml", TIERED)])
    assert list(library.defined) == ["acme/latency", "default/checkout", "default/payments"]
    assert library.defined["default/payments"].place == "c.yaml:1"
    assert library.slos["acme/latency"].tenant == "acme"


def test_a_file_that_turned_bad_keeps_what_it_last_said_and_is_told_once() -> None:
    good = reload(Library(), [file("a.yaml", CHECKOUT + "---\n" + THRESHOLD)])
    bad = reload(good, [file("a.yaml", BAD + "---\n" + THRESHOLD.replace("value: 250", "value: 300"))])
    assert bad.slos == good.slos
    assert told(bad) == [
        "a.yaml:43: spec.objectives[0].targetPercent: a number is wanted, not 'ninety'. Write it like 0.999"
    ]
    again = reload(bad, bad.files)
    assert (again.slos, told(again), len(again.problems)) == (good.slos, [], 1)
    mended = reload(again, [file("a.yaml", CHECKOUT)])
    assert (list(mended.slos), mended.problems) == (["default/checkout"], ())
    assert told(reload(mended, bad.files)) == told(bad), "bad anew is told anew"


def test_a_file_that_is_bad_from_the_start_brings_nothing() -> None:
    library = reload(Library(), [file("a.yaml", BAD + "---\n" + THRESHOLD), file("b.yaml", TIERED)])
    assert list(library.slos) == ["default/payments"]


def test_a_file_that_is_gone_takes_its_slos_with_it() -> None:
    before = reload(Library(), [file("a.yaml", CHECKOUT), file("b.yaml", THRESHOLD)])
    assert list(reload(before, [file("b.yaml", THRESHOLD)]).slos) == ["default/latency"]


def test_a_name_that_two_files_have_is_refused_with_both_places() -> None:
    before = reload(Library(), [file("b.yaml", CHECKOUT)])
    library = reload(before, [file("a.yaml", "---\n" + CHECKOUT), file("b.yaml", CHECKOUT)])
    said = "b.yaml:1: a second SLO of the name checkout; the first stands at a.yaml:2. Rename one of them"
    assert told(library) == [said]
    assert library.defined["default/checkout"].place == "a.yaml:2"


def test_two_tenants_may_have_slos_of_one_name_and_share_no_objects() -> None:
    slo, rest = TIERED.split("---\n", 1)
    library = reload(
        Library(), [file("a/x.yaml", TIERED, "a"), file("b/x.yaml", TIERED, "b"), file("c/x.yaml", slo, "c")]
    )
    assert list(library.slos) == ["a/payments", "b/payments"]
    assert told(library) == [
        "c/x.yaml:7: spec.indicatorRef: there is no SLI fast. Define it, or write its indicator here"
    ]
    assert reload(Library(), [file("slo.yaml", slo), file("sli.yaml", rest)]).problems == ()


def test_an_slo_whose_indicator_turned_bad_in_another_file_stays() -> None:
    slo, rest = TIERED.split("---\n", 1)
    good = reload(Library(), [file("slo.yaml", slo), file("sli.yaml", rest)])
    bad = reload(good, [file("slo.yaml", slo), file("sli.yaml", rest.replace("le: 0.3", "le: fast"))])
    assert bad.slos == good.slos
    assert [problem.split(": ")[0] for problem in told(bad)] == ["sli.yaml:13"]


def test_a_file_that_cannot_be_read_keeps_what_it_last_said() -> None:
    good = reload(Library(), [file("a.yaml", CHECKOUT)])
    library = reload(good, [File("a.yaml", "default", None)])
    assert library.slos == good.slos
    assert told(library) == ["a.yaml:1: the file cannot be read. Check its permissions"]


def shipped() -> list[Defined]:
    readings = [read_slos(path.read_bytes(), path.name) for path in sorted(SHIPPED.glob("*.yaml"))]
    assert [str(problem) for reading in readings for problem in reading.problems] == []
    return [one for reading in readings for one in reading.defined]


def test_every_tenant_has_what_ships_but_where_it_has_its_own() -> None:
    own = CHECKOUT.replace("name: checkout", "name: disk-availability")
    library = reload(Library(), [file("acme/a.yaml", own, "acme")], shipped(), ["default"])
    assert len(library.slos) == 10
    assert library.slos["acme/disk-availability"].service == "web-shop"
    assert library.slos["default/disk-availability"].service == "nodes"


@pytest.mark.parametrize(
    ("name", "target", "budget_min"),
    [
        ("disk-availability", 0.999, 43.2),
        ("io-performance", 0.995, 216),
        ("network-utilisation", 0.999, 43.2),
        ("node-health", 0.9995, 21.6),
        ("alert-accuracy", 0.9, 4320),
    ],
)
def test_shipped_slos_have_the_targets_that_they_are_known_by(name: str, target: float, budget_min: float) -> None:
    slo = next(one.slo for one in shipped() if one.slo.name == name)
    assert slo.target == target
    assert slo.window.kind == "rolling"
    assert allowed_s(slo.target, slo.window.duration_s) / 60 == budget_min


def test_there_is_a_folder_only_where_one_is_set() -> None:
    assert (SloSettings().folder, SloSettings().shipped) == (None, True)
