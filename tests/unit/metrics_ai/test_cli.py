"""The command line: help, exit codes, one clear line for every error, JSON for programs."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from integrations.formats import FORMATS
from metrics_ai.cli import app
from metrics_ai.commands.decode import FORMATS_SAID

COMMANDS = (
    "up",
    "worker",
    "topics list",
    "topics create",
    "topics check",
    "topics docs",
    "replay",
    "decode",
    "incidents",
    "alerts",
    "explain",
    "inspect",
    "slo validate",
    "slo list",
    "slo show",
    "slo export",
    "config show",
    "config check",
    "config docs",
    "doctor",
)


def run(*arguments: str, **environment: str) -> Result:
    env = {"COLUMNS": "200", "METRICS_AI_CONFIG": None, **environment}
    return CliRunner().invoke(app, list(arguments), env=env)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_a_sentence(command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_help_names_every_format_and_what_holds_where_an_option_is_not_given() -> None:
    shown = run("decode", "--help").stdout
    assert [name for name in FORMATS if name not in FORMATS_SAID.split(", ")] == []
    assert [name for name in FORMATS if name not in shown] == []
    assert "default: (by the first line)" in shown
    assert "default: (http.port, 8080)" in run("up", "--help").stdout
    assert "default: (by the suffix; a capture by its first line)" in run("replay", "--help").stdout


@pytest.mark.parametrize("command", [one for one in COMMANDS if one != "topics docs"])
def test_every_command_has_examples(command: str) -> None:
    assert f"$ metrics-ai {command.split(maxsplit=1)[0]}" in run(*command.split(), "--help").stdout


def test_version_is_one_line() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("metrics-ai ")
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["config", "show", "--config", "/nowhere.yaml"], 2, "/nowhere.yaml: cannot be read"),
        (["up", "--broker", "h:1", "--kafka-home", "/k"], 2, "exclude each other"),
        (["up", "--log-level", "loud"], 2, "no log level 'loud'"),
        (["up", "--kafka-home", "/nowhere", "--port", "0"], 2, "no installation of Apache Kafka"),
        (["decode", "/nowhere", "--source-format", "native"], 2, "/nowhere"),
        (["decode", __file__, "--source-format", "morse"], 2, "no format named 'morse'"),
        (["replay", "/nowhere.csv"], 2, "/nowhere.csv"),
        (["replay", "x.csv", "--to", "h:1", "--diff", "o.yaml"], 2, "exclude each other"),
        (["replay", "x.csv", "--label", "node"], 2, "--label 'node' is not NAME=VALUE"),
        (["incidents", "--since", "soon"], 2, "neither an age nor a time"),
        (["worker", "juggle"], 2, "juggle"),
        (["worker", "[/foo]"], 2, "[/foo]"),
        (["worker", "ingest", "--port", "0", "--log-file", "/dev/null/x"], 2, "cannot write /dev/null/x"),
        (["worker", "ingest", "--port", "0", "--ready-file", "/dev/null/x"], 2, "cannot write /dev/null/x"),
        (["up", "--port", "0", "--ready-file", "/dev/null/x"], 2, "cannot write /dev/null/x"),
        (["config", "check", "/nowhere.yaml"], 2, "/nowhere.yaml: cannot be read"),
        (["replay", "x.csv", "--type", "foo"], 2, "--type 'foo' is not one of gauge, counter, delta. See"),
        (["replay", "x.csv", "--fromat", "csv"], 2, "no option --fromat; did you mean --format"),
        (["replay"], 2, "FILE... is missing. See "),
        (["decode", "x"], 2, "--source-format is missing"),
        (["--nonsense"], 2, "no option --nonsense"),
        (["topics", "lis"], 2, "did you mean 'list'"),
        (["replay", "/nowhere.csv", "--to", "h:1"], 2, "/nowhere.csv"),
        (["up", "--broker-port", "99999"], 2, "--broker-port '99999' is more than 65535"),
        (["up", "--port=-5"], 2, "--port '-5' is less than 0"),
        (["up", "--port", "abc"], 2, "--port 'abc' is not a whole number. See "),
        (["up", "--port", "18081", "--broker-port", "18081"], 2, "--port and --broker-port are both 18081"),
        (["up", "--port", "0", "--ready-file", "/dev/null/deep/x"], 2, "cannot write /dev/null/deep/x"),
        (["up", "--broker", "foo"], 2, "--broker 'foo' is not HOST:PORT"),
        (["worker", "ingest", "--broker", "127.0.0.1:notaport"], 2, "--broker '127.0.0.1:notaport' is not HOST:PORT"),
        (["replay", "x.csv", "--to", "garbage"], 2, "--to 'garbage' is not HOST:PORT"),
        (["replay", "x.csv", "--topic", "foo"], 2, "--topic foo without --to: nothing is sent"),
        (["replay", "x.csv", "--source-format", "otlp"], 2, "--source-format otlp is said of messages, and x.csv"),
        (["score", "x.csv", "--out", "o", "--raw-counters"], 2, "--raw-counters is said of messages, and x.csv"),
        (["inspect", "x", "--from", "x.csv", "--source-format", "otlp"], 2, "is said of messages, and x.csv"),
        (["explain", "abc"], 2, "'abc' is too short for an id"),
        (["explain", "abcdef", "--plot", "x.gif"], 2, "names no format"),
        (["explain", "abcdef", "--broker", "127.0.0.1:1"], 1, "does not answer"),
        (["inspect", "cpu{"], 2, "not a selector"),
        (["inspect", "cpu", "x.csv"], 2, "x.csv stands there without --from"),
        (["inspect", "cpu", "--from", "/nowhere.csv"], 2, "/nowhere.csv"),
        (["inspect", "cpu", "--broker", "127.0.0.1:1"], 1, "does not answer"),
        (["sing"], 2, "sing"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line_with_its_exit_status(
    arguments: list[str], code: int, words: str, tmp_path: Path
) -> None:
    result = run(*arguments, XDG_DATA_HOME=str(tmp_path))
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert result.stderr.startswith("metrics-ai: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_debug_shows_the_traceback() -> None:
    result = run("--debug", "config", "show", "--config", "/nowhere.yaml")
    assert result.exception is not None
    assert type(result.exception).__name__ == "ConfigurationError"


def test_config_show_prints_what_config_check_accepts(tmp_path: Path) -> None:
    path = tmp_path / "metrics-ai.yaml"
    path.write_text(run("config", "show").stdout)
    result = run("config", "check", str(path))
    assert (result.exit_code, result.stdout) == (0, f"{path}: fine\n")


def test_config_check_names_every_line_and_exits_1(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("kafka:\n  bootstap: h:1\n  partitions: 0\n")
    result = run("config", "check", str(path))
    assert result.exit_code == 1
    assert sorted(line.split(": ")[0] for line in result.stderr.splitlines()) == [f"{path}:2", f"{path}:3"]
    problems = json.loads(run("config", "check", str(path), "--json").stdout)["problems"]
    assert {problem["where"] for problem in problems} == {f"{path}:2", f"{path}:3"}


def test_config_check_says_of_a_broken_file_what_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("kafka: [\n")
    result = run("config", "check", str(path))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{path}:2: not YAML")


@pytest.mark.parametrize(("command", "title"), [("config docs", "# Configuration"), ("topics docs", "# Topics")])
def test_docs_are_markdown(command: str, title: str) -> None:
    result = run(*command.split())
    assert result.exit_code == 0
    assert result.stdout.startswith(title)


def _sample(value: object) -> str:
    return json.dumps({"metric": "up", "value": value, "timestamp": 1_795_446_000, "labels": {"host": "h"}})


def test_decode_prints_a_line_a_sample_and_a_summary(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text(_sample(1) + "\n" + _sample(2) + "\n")
    result = run("decode", str(path), "--source-format", "native")
    assert result.exit_code == 0
    samples = [json.loads(line) for line in result.stdout.splitlines()]
    assert [sample["value"] for sample in samples] == [1.0, 2.0]
    assert set(samples[0]) == {"metric", "labels", "value", "timestamp_ms", "type", "unit"}
    assert result.stderr == "2 messages; 2 samples; 1 series; 0 skipped; 0 rejected\n"


def test_decode_counts_a_type_that_there_is_not_and_takes_the_sample(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text(json.dumps({"metric": "up", "value": 1, "timestamp": 1_795_446_000, "type": "guage"}) + "\n")
    result = run("decode", str(path), "--source-format", "native")
    assert (result.exit_code, json.loads(result.stdout)["type"]) == (0, "unknown")
    assert result.stderr == "1 message; 1 sample; 1 series; 0 skipped; 1 noted (unknown_type 1); 0 rejected\n"


@pytest.mark.parametrize(("option", "named"), [([], 7), (["--all"], 8)])
def test_decode_names_five_of_each_reason_and_how_many_more(tmp_path: Path, option: list[str], named: int) -> None:
    path = tmp_path / "messages.txt"
    path.write_text("not json\n" * 6 + '{"value": 1}\n' * 2)
    result = run("decode", str(path), "--source-format", "native", "--format", "lines", *option)
    lines = result.stderr.splitlines()
    assert sum(": rejected, " in line for line in lines) == named
    assert ("and 1 more" in lines) == (not option)


def test_decode_exits_1_when_something_was_rejected(tmp_path: Path) -> None:
    path = tmp_path / "messages.txt"
    path.write_text(_sample(1) + "\nnot json\n")
    result = run("decode", str(path), "--source-format", "native", "--format", "lines", "--json")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert sum(json.loads(result.stderr)["rejected"].values()) == 1


def test_decode_names_the_line_of_what_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "messages.txt"
    path.write_text(_sample(1) + "\n\nnot json\n")
    result = run("decode", str(path), "--source-format", "native", "--format", "lines")
    assert f"{path}:3: rejected, " in result.stderr


@pytest.mark.parametrize(("options", "at_s"), [([], 1_795_446_000), (["--time-unit", "ms"], 1_795_446)])
def test_decode_takes_what_the_formats_source_says(tmp_path: Path, options: list[str], at_s: int) -> None:
    path, config = tmp_path / "messages.jsonl", tmp_path / "mine.yaml"
    body = {"name": "app", "fields": {"seen": 3}, "tags": {"host": "h"}, "timestamp": 1_795_446_000}
    path.write_text(json.dumps(body) + "\n")
    config.write_text("ingest: {sources: [{topic: t, format: telegraf_json, counters: [app_.*], time_unit: s}]}\n")
    result = run("decode", str(path), "--source-format", "telegraf_json", "-c", str(config), *options)
    (sample,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert (sample["type"], sample["timestamp_ms"]) == ("counter", at_s * 1000)


def test_replay_names_the_first_rows_that_it_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "cpu.csv"
    path.write_text("timestamp,value\n1795446000,1\n" + "soon,1\n" * 7)
    result = run("replay", str(path), "--json")
    assert result.exit_code == 0
    lines = result.stderr.splitlines()
    assert lines[0] == f"{path}, row 2: rejected, bad_timestamp: timestamp 'soon'"
    assert lines[-1] == "and 2 more"


@pytest.mark.parametrize("layout", [None, "capture"])
def test_decode_knows_a_capture_by_its_first_line(tmp_path: Path, layout: str | None) -> None:
    path = tmp_path / "captured.jsonl"
    value = base64.b64encode(_sample(3).encode()).decode()
    path.write_text(json.dumps({"key": None, "timestamp_ms": 1, "value_base64": value}) + "\n")
    result = run("decode", str(path), "--source-format", "native", *(["--format", layout] if layout else []))
    assert [json.loads(line)["value"] for line in result.stdout.splitlines()] == [3.0]


def _recording(folder: Path) -> Path:
    """Ten quiet hours of a metric, then one that is not."""
    rows = ["timestamp,value"]
    start_s = 1_795_446_000
    for minute in range(660):
        value = 10 + minute % 7 * 0.1 if minute < 600 else 90.0
        rows.append(f"{start_s + 60 * minute},{value}")
    path = folder / "latency.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_replay_prints_alerts_incidents_and_a_summary(tmp_path: Path) -> None:
    result = run("replay", str(_recording(tmp_path)), "--label", "node=n1")
    assert result.exit_code == 0, result.output
    assert "Incidents" in result.stdout
    assert "660 samples of 1 series" in result.stdout
    assert result.stderr == ""


def test_replay_prints_json_lines_and_last_the_summary(tmp_path: Path) -> None:
    path = _recording(tmp_path)
    lines = run("replay", str(path), "--json").stdout.splitlines()
    summary = json.loads(lines[-1])["summary"]
    assert (summary["samples"], summary["series"]) == (660, 1)
    assert summary["incidents"] >= 1
    assert run("replay", str(path), "--json").stdout.splitlines()[:-1] == lines[:-1]


def test_replay_takes_what_a_source_takes(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("timestamp,value\n1795446000000,1\n")
    options = ("--time-unit", "ms", "--type", "counter", "--json")
    summary = json.loads(run("replay", str(path), *options).stdout.splitlines()[-1])["summary"]
    assert summary["first_ms"] == 1_795_446_000_000


def test_a_recording_of_which_nothing_can_be_read_is_no_quiet_one(tmp_path: Path) -> None:
    path = tmp_path / "noise.jsonl"
    path.write_bytes(b"\x00\x01\n{\n")
    for arguments in ([], ["--json"]):
        result = run("replay", str(path), *arguments)
        assert result.exit_code == 1
        assert "nothing of it could be read" in result.stderr


def test_brackets_of_a_user_are_text(tmp_path: Path) -> None:
    recording = _recording(tmp_path)
    shown = run("replay", str(recording), "--metric", "a[/b]", "--label", "node=[/n]")
    assert (shown.exit_code, "[/n]" in shown.stdout) == (0, True)
    broker = "127.0.0.1[bold]:1"
    assert f"broker {broker}" in run("doctor", "--broker", broker, METRICS_AI__HTTP__PORT="1").stdout


def test_replay_diff_says_which_incidents_go(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    windows = "".join(f"    {name}: {{enabled: false}}\n" for name in ("5m", "15m", "1h", "24h", "7d"))
    other.write_text(f"detect:\n  drift: {{enabled: false}}\n  windows:\n{windows}")
    result = run("replay", str(_recording(tmp_path)), "--diff", str(other), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout.splitlines()[-1])["summary"]["went"] >= 1
