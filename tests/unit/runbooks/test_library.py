"""Many files, one library: yours before what ships, and a bad file refused whole."""

from __future__ import annotations

from runbooks.library import read_library
from runbooks.reading import read_runbooks
from tests.unit.runbooks.definitions import SHOP, runbook

SHIPPED = read_runbooks(f"{runbook('shop-down', '{}')}---\n{runbook('disk', '{}')}", "shipped/a.yaml").placed


def test_one_of_yours_takes_the_place_of_the_shipped() -> None:
    library = read_library([("shop.yaml", SHOP.encode())], SHIPPED)
    assert {name: one.file for name, one in library.placed.items()} == {
        "disk": "shipped/a.yaml",
        "shop-down": "shop.yaml",
    }
    assert library.problems == ()


def test_a_bad_file_is_refused_whole_and_leaves_the_shipped() -> None:
    bad = f"{SHOP}---\n{runbook('b', '{')}".encode()
    library = read_library([("shop.yaml", bad), ("c.yaml", runbook("c", "{}").encode())], SHIPPED)
    assert {name: one.file for name, one in library.placed.items()} == {
        "c": "c.yaml",
        "disk": "shipped/a.yaml",
        "shop-down": "shipped/a.yaml",
    }
    (problem,) = library.problems
    assert str(problem).startswith("shop.yaml:33: matchers[0]: not a selector like")


def test_an_id_that_two_files_have_is_refused_in_the_later_one_whatever_their_order() -> None:
    files = [("b.yaml", SHOP.encode()), ("a.yaml", b"\n" + SHOP.encode())]
    library = read_library(files)
    assert library.placed == read_library(files[::-1]).placed
    assert library.placed["shop-down"].place == "a.yaml:3"
    assert [str(one) for one in library.problems] == [
        "b.yaml:2: a second runbook of the id shop-down; the first stands at a.yaml:3. Rename one of them"
    ]


def test_an_id_that_stands_twice_in_a_file_is_refused() -> None:
    library = read_library([("a.yaml", f"{SHOP}---\n{SHOP}".encode())])
    assert library.placed == {}
    assert [one.line for one in library.problems] == [30]


def test_a_file_that_cannot_be_read_is_told() -> None:
    (problem,) = read_library([("a.yaml", None)]).problems
    assert str(problem) == "a.yaml:1: the file cannot be read. Check its permissions"


def test_a_library_names_what_fits() -> None:
    library = read_library([("shop.yaml", SHOP.encode())], SHIPPED)
    assert [one.id for one in library.fitting({"service": "shop"})] == ["shop-down", "disk"]
    assert [one.id for one in library.fitting({"service": "shop"}, 1)] == ["shop-down"]
