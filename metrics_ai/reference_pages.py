"""Pages of the reference that need the higher rooms: formats, detectors, configuration, commands."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import typer.main
from pydantic import BaseModel

from integrations.formats import FORMATS, FormatOptions
from integrations.formats.recognise import DEFAULT_MAPPING
from metrics_ai.cli import app
from metrics_ai.config_text import config_markdown
from metrics_ai.markdown import NOTE, page, table
from models.registry import registry


def formats_page() -> str:
    """What each format's decoder reads."""
    sections = []
    for name, make in FORMATS.items():
        body = inspect.getdoc(sys.modules[make.__module__]) or ""
        sections.append(f"## {name}\n\n{plain(body)}")
    mapping = table(
        ["dimension", "labels, the first that is present wins"],
        [(f"`{one}`", ", ".join(f"`{label}`" for label in labels)) for one, labels in DEFAULT_MAPPING.items()],
    )
    return page(
        "Formats",
        "What a source's `format` may be (`ingest.sources`). `metrics-ai decode` shows what messages become.",
        *sections,
        "## Options of a source",
        settings_table(FormatOptions),
        "## Recognised dimensions",
        "Replaced a dimension at a time by `ingest.identity`.",
        mapping,
    )


def detectors_page() -> str:
    """Every detector with its settings."""
    sections = []
    for name, kind in sorted(registry().items()):
        sections += [
            f"## {name}\n\n{plain(_without_sections(inspect.getdoc(kind) or ''))}",
            settings_table(kind.Settings),
        ]
    return page("Detectors", "Scores above 1.0 are anomalous, whatever the detector.", *sections)


def configuration_page() -> str:
    """Every setting."""
    title, _, rest = config_markdown().partition("\n")
    return f"{title}\n\n{NOTE}\n{rest}"


def settings_table(model: type[BaseModel]) -> str:
    """A settings class as a table."""
    rows = []
    for name, one in model.model_fields.items():
        default = "" if one.is_required() else f"`{one.get_default(call_default_factory=True)}`"
        rows.append((f"`{name}`", default, one.description or ""))
    return table(["setting", "default", "meaning"], rows)


def cli_page() -> str:
    """Every command with its options."""
    sections = [_command_section(path, command) for path, command in commands().items()]
    return page(
        "Commands",
        "Exit status: 0 fine, 1 found wrong, 2 usage or configuration. `--debug` before a command shows tracebacks.",
        *sections,
    )


def commands() -> Mapping[str, Any]:
    """Every command by its path, groups first."""
    return dict(_walk("metrics-ai", typer.main.get_command(app)))


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _walk(f"{path} {name}", child)


def _command_section(path: str, command: Any) -> str:
    shown = [one for one in command.params if not getattr(one, "hidden", False) and one.name not in _TYPERS_OWN]
    arguments = " ".join(_metavar(one) for one in shown if one.param_type_name == "argument")
    group = " COMMAND" if getattr(command, "commands", None) else ""
    options = " [OPTIONS]" if any(one.param_type_name == "option" for one in shown) else ""
    lines = [
        f"## {path}",
        "",
        plain(command.help or ""),
        "",
        "```",
        f"{path}{options}{group} {arguments}".rstrip(),
        "```",
    ]
    if shown:
        lines += ["", table(["option", "default", "meaning"], [_option_row(one) for one in shown])]
    if examples := _examples(command.epilog or ""):
        lines += ["", "```", *examples, "```"]
    return "\n".join(lines)


_TYPERS_OWN = frozenset({"help", "install_completion", "show_completion"})


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _option_row(parameter: Any) -> tuple[str, str, str]:
    if parameter.param_type_name == "argument":
        name = f"`{_metavar(parameter)}`"
    else:
        spelled = [*parameter.opts, *parameter.secondary_opts]
        value = "" if parameter.is_flag else f" {_metavar(parameter)}"
        name = ", ".join(f"`{one}{value}`" for one in spelled)
    return name, _default_text(parameter), plain(parameter.help or "")


def _default_text(parameter: Any) -> str:
    """What holds where an option is not given: a value, or the words that the help has for it."""
    if isinstance(said := parameter.show_default, str):
        return said
    default = parameter.default
    is_shown = isinstance(default, bool | int | float | str) and default not in (False, "")
    return f"`{default}`" if is_shown else ""


def _examples(epilog: str) -> list[str]:
    return [line for raw in epilog.splitlines() if (line := _unmarked(raw).strip()).startswith("$ ")]


def _unmarked(text: str) -> str:
    """Without Rich's marks."""
    return re.sub(r"\[/?[a-z ]*\]", "", text)


def _without_sections(docstring: str) -> str:
    """The idea of a class, without its parameters and examples."""
    return re.split(r"\n\w+\n-{3,}\n", docstring, maxsplit=1)[0].strip()


def plain(text: str) -> str:
    """A docstring's text as Markdown; tables of reStructuredText stand as they are."""
    marked = _unmarked(inspect.cleandoc(text)).replace("``", "`")
    return "\n\n".join(f"```\n{part}\n```" if part.startswith("====") else part for part in marked.split("\n\n"))
