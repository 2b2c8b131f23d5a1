"""What the documents say of quality is what the committed results say, all rows of it."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_the_documents_are_what_the_generator_makes_of_the_committed_results() -> None:
    from benchmarks.quality import documents, read

    for path, text in documents(read()):
        assert path.read_text() == text, f"{path.name}: make quality"


def test_the_examples_print_what_they_say() -> None:
    from benchmarks import quality

    assert doctest.testmod(quality).failed == 0


def test_no_planted_case_and_no_program_is_left_out() -> None:
    from benchmarks.quality import peers_table, planted_tables, read

    results = read()
    cases, peers = planted_tables(results), peers_table(results)
    measured = [key.removesuffix("_what") for key in results["planted"] if key.endswith("_what")]
    assert len(measured) > 30
    for key in measured:
        assert f"| {results['planted'][f'{key}_what']} |" in cases or key.endswith("_week1")
    programs = [key for key in results["planted"] if key.startswith("peer_") and key.endswith("_precision")]
    assert sum(" | " in line for line in peers.splitlines()) == len(programs) + 1


def test_a_row_is_told_by_its_worst_case_and_its_best() -> None:
    from benchmarks.quality import RESULTS, read, readme

    results = dict(read())
    planted = json.loads((RESULTS / "planted.json").read_text())
    planted |= {"case_shift_15s_found": 0.123, "case_shift_slim_found": 0.9}
    shown = readme(results | {"planted": planted})
    assert "within 15 min | 7 | 12 % (every 15 s) |" in shown


@pytest.mark.parametrize(
    ("seed", "said"),
    [(None, "that were seen"), (486_187_739, "that is held out"), (1, "seed 1, which is not held out")],
)
def test_it_is_said_who_has_seen_the_seed(seed: int | None, said: str) -> None:
    from benchmarks.quality import planted_tables, read

    results = read()
    planted = {key: value for key, value in results["planted"].items() if key != "planted_seed"}
    planted |= {} if seed is None else {"planted_seed": seed}
    assert said in " ".join(planted_tables({**results, "planted": planted}).split())
