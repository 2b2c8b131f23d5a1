"""The house's own rules: layers, sizes, names, links; what a reviewer should not have to look for."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from metrics_ai.reference import ROOMS

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
TEXT = {".py", ".md", ".yml", ".yaml", ".toml", ".txt", ".json", ".svg", ".html", ""}
# Addresses that a lock or a document must not pin: package registries and machines.
REGISTRIES = ("pypi.org", "pythonhosted.org", "index-url", "extra-index", "find-links", "artifactory", "nexus.")
# A path of somebody's machine, not one inside a container or of the operating system's.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|home|Users|work|tmp/(?!metrics))[\w./-]*")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[Path]:
    return [path for path in tracked() if path.suffix in TEXT and path.name != "LICENSE"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_files_stay_small() -> None:
    sizes = {name_of(path): len(path.read_text().splitlines()) for path in tracked() if path.suffix == ".py"}
    assert {name: lines for name, lines in sizes.items() if lines > MAX_LINES} == {}


def test_a_room_imports_only_what_stands_below_it() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    if not linter.exists():
        pytest.skip("import-linter is not installed")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_every_room_states_its_law() -> None:
    laws = {room: (ROOT / room / "__init__.py").read_text().lstrip() for room in ROOMS}
    assert [room for room, text in laws.items() if not text.startswith('"""')] == []


def test_every_package_of_the_root_is_a_room_or_a_folder_of_tools() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"benchmarks", "tests"} == set(ROOMS)


def test_no_installed_package_shares_our_top_level_names() -> None:
    shared = {
        room: names
        for room, names in importlib.metadata.packages_distributions().items()
        if room in ROOMS and set(names) != {"metrics-ai"}
    }
    assert shared == {}


def test_the_lock_carries_hashes_and_no_addresses() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text, path.name
        entries = re.split(r"\n(?=\S)", text.strip())
        assert [entry.split()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


def test_the_repository_names_no_registry_and_no_path_of_somebodys_machine() -> None:
    found = []
    for path in texts():
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if MACHINE_PATH.search(line) or any(word in line for word in REGISTRIES):
                found.append(f"{name_of(path)}:{number}: {line.strip()[:100]}")
    # The Makefile's verb that writes the lock says, by its options, that no address goes in.
    assert [hit for hit in found if not hit.startswith("Makefile:")] == []


@pytest.mark.parametrize("line", ["cd /root/x", "see /home/me/a.txt", "https://pypi.org/simple"])
def test_the_search_for_paths_and_registries_finds_them(line: str) -> None:
    assert MACHINE_PATH.search(line) or any(word in line for word in REGISTRIES)


def links(path: Path) -> list[str]:
    prose = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def test_relative_links_of_the_documents_lead_somewhere() -> None:
    broken = []
    for path in (one for one in tracked() if one.suffix == ".md"):
        for link in links(path):
            target = link.split("#", 1)[0]
            if "://" in link or link.startswith("mailto:") or not target:
                continue
            if not (path.parent / target).exists():
                broken.append(f"{name_of(path)}: {link}")
    assert broken == []


def test_every_decision_is_listed_and_at_most_a_page() -> None:
    folder = ROOT / "docs" / "adr"
    listed = set(links(folder / "README.md"))
    decisions = {path.name for path in folder.glob("[0-9]*.md")}
    assert decisions == listed
    assert [name for name in sorted(decisions) if len((folder / name).read_text().splitlines()) > 60] == []


def test_every_verb_of_the_makefile_that_the_documents_name_exists() -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set()
    for path in (one for one in tracked() if one.suffix == ".md"):
        named |= set(re.findall(r"`make ([a-z-]+)`", path.read_text()))
    assert named <= verbs


def test_the_numbers_in_the_readme_are_those_of_the_last_run() -> None:
    sys.path.insert(0, str(ROOT))
    try:
        from benchmarks import table
    finally:
        sys.path.remove(str(ROOT))
    text = table.README.read_text()
    if not table.LATEST.exists():
        assert not re.search(r"<!-- numbers[^>]*-->\s*\S[^<]*<!-- end of numbers", text), "numbers without a run"
        return
    assert table.filled(text, json.loads(table.LATEST.read_text())) == text, "run python -m benchmarks.table"
