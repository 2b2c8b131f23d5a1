"""What the guide of incidents shows is what the commands print, of an incident that three stages told."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from incidents.lifecycle import MOVES, TRANSITIONS
from integrations.records import RecordsSettings
from integrations.records.rows import read_topics
from metrics_ai.incident_cases import evidence_lines, told_case
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.notification_events import AlertStatus
from tests.house.test_guides import GUIDES, blocks, run
from tests.integration.harness.console import InMemory
from tests.integration.stores import let_go, told
from tests.unit.incidents.review.life import Life, incident_life

GUIDE = "incidents.md"
EVENTS = "incident.jsonl"


@pytest.fixture(scope="module")
def life() -> Life:
    return incident_life()


def kept(life: Life) -> str:
    return evidence_lines(told_case(life.events(), life.of(Incident)[-1].id))


def known_before(life: Life, kind: str) -> InMemory:
    """The API as it was before the last entry of a kind."""
    events = [event for _, event in life.said]
    end = max(at for at, one in enumerate(events) if isinstance(one, TimelineEntry) and one.kind == kind)
    memory = InMemory()
    for event in events[:end]:
        match event:
            case Alert():
                memory.store.put(event)
            case AlertStatus():
                memory.store.statuses_of[event.tenant][event.alert_id] = event
            case Incident():
                memory.store.incidents_of[event.tenant][event.id] = event
            case TimelineEntry():
                memory.store.timelines[event.tenant, event.incident_id].append(event)
    return memory


def parts(section: str) -> Iterator[tuple[str, str]]:
    """Commands of a section, and what stands below each."""
    for block in _fenced(section):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def _fenced(section: str) -> list[str]:
    """Blocks below a heading; what they show has headings of its own."""
    found: list[str] = []
    here = inside = False
    for line in (GUIDES / GUIDE).read_text().splitlines():
        if line.startswith("```"):
            inside = not inside
            found += [""] if inside and here else []
        elif inside and here:
            found[-1] += f"{line}\n"
        elif not inside and line.startswith("## "):
            here = line == f"## {section}"
    assert found, section
    return found


def alike(text: str) -> list[str]:
    """Lines, their spaces made one."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def check(section: str, folder: Path, **environment: str) -> None:
    ours = f"{shlex.quote(sys.executable)} -m metrics_ai"
    path = os.pathsep.join(filter(None, [str(GUIDES.parents[1]), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": path, "COLUMNS": "400", "NO_COLOR": "1", "USER": "mara", "LOGNAME": "mara"}
    for command, output in parts(section):
        script = command.replace(".venv/bin/metrics-ai ", f"{ours} ")
        done = subprocess.run(
            ["bash", "-c", script], cwd=folder, env=env | environment, capture_output=True, text=True, check=False
        )
        assert alike(done.stdout + done.stderr) == alike(output), command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / EVENTS).write_text((GUIDES / EVENTS).read_text())
    return tmp_path


def test_the_events_beside_the_guide_are_those_that_the_stages_tell(life: Life) -> None:
    told_now, lying = kept(life).splitlines(), (GUIDES / EVENTS).read_text().splitlines()
    assert told_now == lying, f"python -m {__name__} writes it anew; then look at the guide"


@pytest.mark.slow
def test_while_it_lasts(life: Life, folder: Path) -> None:
    with known_before(life, "acknowledged").serve() as server:
        check("While it lasts", folder, METRICS_AI__CONSOLE__URL=server.url)


@pytest.mark.slow
def test_when_it_is_over(life: Life, folder: Path) -> None:
    with known_before(life, "reviewed").serve() as server:
        check("When it is over", folder, METRICS_AI__CONSOLE__URL=server.url)


@pytest.mark.slow
def test_the_report(folder: Path) -> None:
    check("The report", folder)


@pytest.mark.slow
def test_how_well_it_goes(life: Life, folder: Path) -> None:
    records = RecordsSettings(url=SecretStr(f"sqlite:///{folder / 'records.db'}"))
    read = {topic.name for topic in read_topics()}
    told(records, *(event for topic, event in life.said if topic in read))
    let_go()
    check("How well it goes", folder, METRICS_AI__RECORDS__URL="sqlite:///records.db")


def test_every_block_of_commands_is_tested() -> None:
    tested = ("While it lasts", "When it is over", "The report", "How well it goes")
    shown = [line for block in blocks("", GUIDE) for line in block.splitlines() if line.startswith("$ ")]
    assert sorted(f"$ {command}" for section in tested for command, _ in parts(section)) == sorted(shown)


def test_the_table_of_states_is_that_of_the_code() -> None:
    text = (GUIDES / GUIDE).read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|$", text, flags=re.MULTILINE))
    words = {"acknowledged": "acknowledge", "open": "take back", "mitigated": "mitigate", "resolved": "resolve"}
    words |= {"reviewed": "review"}
    for state, row in rows.items():
        allowed = [words[asked] for asked, (said, _) in MOVES.items() if (state, said) in TRANSITIONS]
        assert row.partition(" | ")[2] == (", ".join(allowed) or "-"), state
    assert set(rows) == {state for state, _ in TRANSITIONS} | {"merged"}


def test_every_word_of_the_commands_is_one(tmp_path: Path) -> None:
    status, output = run([sys.executable, "-m", "metrics_ai", "incidents", "--help"], tmp_path)
    assert status == 0
    named = set(re.findall(r"`metrics-ai incidents (\w+)", (GUIDES / GUIDE).read_text()))
    assert named
    assert [word for word in sorted(named) if not re.search(rf"\b{word}\b", output)] == []


if __name__ == "__main__":
    (GUIDES / EVENTS).write_text(kept(incident_life()))
