"""Writes ``docs/reference`` from the code: ``python -m metrics_ai.reference docs/reference``.

Every page is a function of the code alone, so a test can compare what lies in the repository with what the code
says today.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

import pyarrow as pa
from prometheus_client.metrics_core import Metric
from pydantic import BaseModel

from integrations.prometheus import alert_families
from integrations.prometheus.slo_samples import FAMILIES, SLO_LABELS
from integrations.telemetry import Telemetry
from metrics_ai.markdown import page, table
from metrics_ai.reference_pages import cli_page, configuration_page, detectors_page, formats_page
from schemas import batch, change_events, command_events, events, incident_events, notification_events, slo_events
from schemas.base import Event
from schemas.errors import MetricsAIError
from schemas.topics import CATALOGUE, Topic

ROOMS: Final = (
    "schemas",
    "streams",
    "models",
    "slo",
    "runbooks",
    "incidents",
    "integrations",
    "agents",
    "console",
    "metrics_ai",
)
HOUR_MS: Final = 3_600_000


def pages() -> dict[str, str]:
    """Every page of the reference: path below ``docs/reference`` to text."""
    written = {
        "topics.md": topics_page(CATALOGUE),
        "batches.md": batches_page(),
        "metrics.md": metrics_page(Telemetry("reference").registry.collect()),
        "errors.md": errors_page(),
        "formats.md": formats_page(),
        "detectors.md": detectors_page(),
        "configuration.md": configuration_page(),
        "cli.md": cli_page(),
        **{f"schemas/{name}.json": schema for name, schema in event_schemas().items()},
    }
    return {"README.md": index_page(written), **written}


def write(folder: Path) -> None:
    """Write the reference into a folder, and remove pages that are no longer."""
    wanted = pages()
    for path, text in wanted.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for old in sorted(folder.rglob("*.*")):
        if old.is_file() and old.relative_to(folder).as_posix() not in wanted:
            old.unlink()


def index_page(written: Mapping[str, str]) -> str:
    """The list of pages."""
    rows = []
    for path, text in sorted(written.items()):
        title = json.loads(text)["title"] if path.endswith(".json") else text.split("\n", 1)[0].lstrip("# ")
        rows.append((f"[{path}]({path})", title))
    return page("Reference", "Written from the code; a test keeps it fresh.", table(["page", "what"], rows))


def topics_page(catalogue: Sequence[Topic]) -> str:
    """The topic catalogue."""
    overview = table(
        ["topic", "key", "value", "kept", "written by", "read by"],
        [
            (
                f"[`{one.name}`](#{_anchor(one.name)})",
                one.key,
                one.value,
                _retention(one),
                ", ".join(one.writers),
                ", ".join(one.readers),
            )
            for one in catalogue
        ],
    )
    return page(
        "Topics",
        "All have the same number of partitions (`kafka.partitions`); names get the configured prefix "
        "(`kafka.topic_prefix`). `metrics-ai topics create` makes them, `metrics-ai topics check` names what differs.",
        overview,
        *(_topic_section(one) for one in catalogue),
    )


def _topic_section(topic: Topic) -> str:
    lines = [f"## {topic.name}", "", f"Key: {topic.key}. Value: {topic.value}."]
    if topic.model is not None:
        name = topic.model.__name__
        lines += ["", f"Schema: [{name}](schemas/{name}.json). {_first_sentence(topic.model)}"]
    lines += ["", table(["setting", "on the broker"], [(f"`{k}`", f"`{v}`") for k, v in topic.config().items()])]
    return "\n".join(lines)


def _anchor(heading: str) -> str:
    return heading.lower().replace(".", "")


def _retention(topic: Topic) -> str:
    if topic.retention_ms is None:
        return f"{topic.cleanup}, for ever"
    hours = topic.retention_ms // HOUR_MS
    return f"{topic.cleanup}, " + (f"{hours // 24} d" if hours % 24 == 0 and hours > 48 else f"{hours} h")


def event_models() -> list[type[Event]]:
    """The JSON events, in the order in which their modules have them."""
    modules = (events, change_events, incident_events, slo_events, command_events, notification_events)
    return [model for module in modules for model in _models_of(module)]


def _models_of(module: ModuleType) -> list[type[Event]]:
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Event)
        and value is not Event
        and value.__module__ == module.__name__
    ]
    return sorted(found, key=lambda model: inspect.getsourcelines(model)[1])


def event_schemas() -> dict[str, str]:
    """A JSON Schema (draft 2020-12) for each event, by the event's name."""
    written = {}
    for model in event_models():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        written[model.__name__] = json.dumps(schema, indent=2) + "\n"
    return written


def batches_page() -> str:
    """The columnar batch's format."""
    body = inspect.getdoc(batch) or ""
    first, _, rest = body.partition("\n")
    example = (
        "```python\n"
        "import pyarrow as pa\n\n"
        "with pa.ipc.open_stream(message.value()) as reader:\n"
        "    frame = reader.read_all().to_pandas()  # or .to_pylist(), polars.from_arrow(...), DuckDB\n"
        "```"
    )
    return page(
        "Sample batches",
        first.replace("``", "`"),
        _definitions(rest.replace("``", "`")),
        f"This is version {batch.BATCH_VERSION}. A reader refuses a version that it does not know.",
        "## Reading one",
        example,
        "## A batch of numbers",
        _columns(batch.NUMBER_SCHEMA),
        "## A batch of histograms",
        _columns(batch.HISTOGRAM_SCHEMA),
    )


def _columns(schema: pa.Schema) -> str:
    return table(["column", "Arrow type"], [(f"`{one.name}`", f"`{one.type}`") for one in schema])


def _definitions(text: str) -> str:
    """Turn a definition list of reStructuredText into Markdown's bullets."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line.startswith("    "):
            lines.append("  " + line.strip())
        elif line.startswith("`") and line.endswith("`") and " " not in line:
            lines.append(f"- {line}:")
        else:
            lines.append(line)
    return "\n".join(lines)


def metrics_page(families: Iterable[Metric]) -> str:
    """What a worker says of itself on ``/metrics``."""
    rows = []
    for family in families:
        if family.name.startswith("process_"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append(
            (f"`{name}`", family.type, ", ".join(f"`{label}`" for label in _labels(family)), family.documentation)
        )
    return page(
        "Metrics",
        "Every worker serves these on `/metrics`. `lag_offsets` and `lag_seconds` say whether a stage keeps up, "
        "`checkpoint_timestamp_seconds` whether its state is safe. Beside them stand prometheus_client's own "
        "`process_*`: CPU, memory, open files and start time of the process.",
        table(["metric", "type", "labels", "what"], rows),
        *_slo_metrics(),
        *_alert_metrics(),
    )


def _slo_metrics() -> list[str]:
    rows = [(f"`{one.name}`", ", ".join(f"`{label}`" for label in one.labels), one.text) for one in FAMILIES]
    labels = ", ".join(f"`{label}`" for label in SLO_LABELS)
    text = (
        "The role `project` serves these, too, and writes them where `slo.remote_write` says: gauges of the newest "
        f"status of each SLO, all with the labels {labels}. What is undefined is absent. Names that do not begin with "
        "`metrics_ai` are those of `slo export`, most of which Sloth made customary."
    )
    return ["## Of objectives", text, table(["metric", "more labels", "what"], rows)]


def _alert_metrics() -> list[str]:
    told = [(one.name + ("_total" if one.type == "counter" else ""), one) for one in alert_families.FAMILIES]
    rows: list[tuple[str, ...]] = [(f"`{name}`", one.type, _listed(one.labels), one.text) for name, one in told]
    pages = alert_families.PAGES, alert_families.PAGES_LABELS, alert_families.PAGES_TEXT
    rows.append((f"`{pages[0]}`", "gauge", _listed(pages[1]), pages[2]))
    text = (
        "The role `project` serves these, too. What comes again after a kill or a rebalance counts once. Counters "
        "begin at zero with the process: ask for `rate` or `increase`. `team` is the label of alerts; `rule` the alert "
        "rule that gave the priority; both are empty where there is none, and `others` beyond 500 pairs. `window` is "
        "`shift` (`records.shift_starts_h`) or `week`."
    )
    return ["## Of alerts and incidents", text, table(["metric", "type", "labels", "what"], rows)]


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels)


def label_names(telemetry: Telemetry) -> dict[str, tuple[str, ...]]:
    """Label names of our own metrics, by the metric's name (a metric without a value yet shows no labels)."""
    return {
        metric._name: tuple(metric._labelnames) for metric in vars(telemetry).values() if hasattr(metric, "_labelnames")
    }


def _labels(family: Metric) -> tuple[str, ...]:
    return label_names(Telemetry("reference")).get(family.name, ())


def errors_page() -> str:
    """The tree of errors."""
    return page(
        "Errors",
        "What a user sees is one line: what broke and the way out. `blame` says whose it is to mend, `retry` whether "
        "trying again may help.",
        table(
            ["error", "blame", "retry", "what"],
            [
                (f"`{error.__name__}`", error.blame, "yes" if error.retry else "no", _first_sentence(error))
                for error in error_classes()
            ],
        ),
    )


def error_classes() -> list[type[MetricsAIError]]:
    """The base and what derives from it, wherever it stands."""
    for room in ROOMS:
        import_all(room)
    found: list[type[MetricsAIError]] = [MetricsAIError]
    for error in found:
        children = (child for child in error.__subclasses__() if child not in found)
        found.extend(sorted(children, key=lambda child: (child.__module__, inspect.getsourcelines(child)[1])))
    return found


def import_all(room: str) -> list[str]:
    """Import every module of a room; their names."""
    package = importlib.import_module(room)
    names = [one.name for one in pkgutil.walk_packages(package.__path__, f"{room}.") if "__main__" not in one.name]
    for name in names:
        importlib.import_module(name)
    return [room, *names]


def _first_sentence(thing: type[BaseModel | Exception]) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n", 1)[0].replace("\n", " ").replace("``", "`")


def main(arguments: Sequence[str]) -> int:
    """Write the reference where the one argument says."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m metrics_ai.reference FOLDER\n")
        return 2
    write(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
