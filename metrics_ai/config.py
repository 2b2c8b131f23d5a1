"""The whole configuration: the rooms' settings in one frozen tree, read from YAML and the environment.

A value comes from, strongest first: the environment (``METRICS_AI__KAFKA__BOOTSTRAP``), the file, the default.
"""

from __future__ import annotations

import difflib
import os
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from agents.checkpoints import CheckpointSettings
from agents.stage import TickSettings
from console.settings import ConsoleSettings
from incidents.dispatch.settings import DispatchSettings
from incidents.outbox import OutboxSettings
from incidents.routing.settings import RoutingSettings
from incidents.rules.settings import RuleSettings
from incidents.settings import DecideSettings
from integrations.collector import CollectorSettings
from integrations.gateway import IngestSettings
from integrations.history.settings import HistorySettings
from integrations.kafka.connection import KafkaSettings
from integrations.records.settings import RecordsSettings
from integrations.serving.settings import ServingSettings
from metrics_ai.positions import KeyPath, Positions, path_text, read_yaml
from models.settings import DetectSettings
from runbooks.settings import RunbookSettings
from schemas.errors import ConfigurationError
from slo.settings import SloSettings

ENVIRONMENT_PREFIX: Final = "METRICS_AI__"
MIB: Final = 1024 * 1024


class HttpSettings(BaseModel):
    """Health, metrics and the API over HTTP."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 to be reached from other machines.")
    port: int = Field(8080, ge=0, le=65535, description="Port of `up` and of `worker`; 0 takes a free one.")


class LogSettings(BaseModel):
    """Logs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    format: Literal["text", "json"] = Field("text", description="Lines for people, or a JSON object a line.")


class EmbeddedSettings(BaseModel):
    """The embedded broker and Valkey, which keep everything in memory until they end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    memory_ceiling_bytes: int = Field(
        1024 * MIB, ge=64 * MIB, description="Resident memory at which `up` stops taking in; it warns at 80 %."
    )
    partitions: int = Field(
        1, ge=1, le=64, description="Partitions of our topics there; one machine gains nothing from more."
    )
    decide_interval_s: int = Field(
        10, ge=1, le=3600, description="Between two ticks of decide there, since each of them stays in memory."
    )
    burn_interval_s: int = Field(10, ge=1, le=3600, description="Between two ticks of burn there.")
    route_interval_s: int = Field(10, ge=1, le=3600, description="Between two ticks of route there.")
    slo_status_every_s: int = Field(60, ge=1, le=3600, description="How often it is told there where budgets stand.")
    detect_interval_s: int = Field(30, ge=1, le=3600, description="Between two ticks of detect there.")
    checkpoint_interval_s: float = Field(300, ge=1, le=3600, description="Between two checkpoints there.")
    serving_memory_bytes: int = Field(
        512 * MIB, ge=16 * MIB, description="The Valkey of `up` holds no more than that, and then takes nothing new."
    )


class Config(BaseModel):
    """Everything that can be set."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    tenant: str = Field(
        "default",
        min_length=1,
        description="Of `replay`, `decode` and SLOs without one; sources of ingest name their own.",
    )
    kafka: KafkaSettings = Field(default_factory=KafkaSettings, description="The broker and how to reach it.")
    ingest: IngestSettings = Field(default_factory=IngestSettings, description="What is read, and how it is decoded.")
    detect: DetectSettings = Field(default_factory=DetectSettings, description="When a series is anomalous.")
    decide: DecideSettings = Field(default_factory=DecideSettings, description="Alerts and incidents.")
    routing: RoutingSettings = Field(default_factory=RoutingSettings, description="Who is told of what.")
    dispatch: DispatchSettings = Field(default_factory=DispatchSettings, description="What the route stage remembers.")
    outbox: OutboxSettings = Field(default_factory=OutboxSettings, description="What the notify stage remembers.")
    slo: SloSettings = Field(default_factory=SloSettings, description="Service level objectives.")
    rules: RuleSettings = Field(default_factory=RuleSettings, description="How urgent which alert is.")
    runbooks: RunbookSettings = Field(default_factory=RunbookSettings, description="What helps with which alert.")
    history: HistorySettings = Field(default_factory=HistorySettings, description="What is kept for reports.")
    serving: ServingSettings = Field(
        default_factory=ServingSettings, description="The latest state for readers, in Redis or Valkey."
    )
    records: RecordsSettings = Field(
        default_factory=RecordsSettings, description="Incidents and alerts of 13 months, in a database."
    )
    checkpoint: CheckpointSettings = Field(default_factory=CheckpointSettings, description="How state is kept.")
    ticks: TickSettings = Field(default_factory=TickSettings, description="The passing of time, as records.")
    collector: CollectorSettings = Field(
        default_factory=CollectorSettings, description="The collector of this machine's own metrics."
    )
    embedded: EmbeddedSettings = Field(default_factory=EmbeddedSettings, description="The broker inside `up`.")
    console: ConsoleSettings = Field(
        default_factory=ConsoleSettings, description="The API, and how the command line reaches it."
    )
    http: HttpSettings = Field(default_factory=HttpSettings, description="Health, metrics and the API over HTTP.")
    log: LogSettings = Field(default_factory=LogSettings, description="Logs.")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a configuration that cannot hold.

    Parameters
    ----------
    where
        ``FILE:LINE`` or the environment variable.
    what, way_out
        What is wrong, and what to do.
    """

    where: str
    what: str
    way_out: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f". {self.way_out}" if self.way_out else "")


def load_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of a file (or none) and the environment.

    Raises
    ------
    ConfigurationError
        If it cannot hold; names the first problem's file and line.

    Examples
    --------
    >>> load_config(environ={"METRICS_AI__HTTP__PORT": "9000"}).http.port
    9000
    """
    config, problems = read_config(path, os.environ if environ is None else environ)
    if config is None:
        first, more = problems[0], len(problems) - 1
        rest = f" ({more} more: metrics-ai config check)" if more else ""
        raise ConfigurationError(f"{first.where}: {first.what}{rest}", first.way_out)
    return config


def read_config(path: Path | None, environ: Mapping[str, str]) -> tuple[Config | None, list[Problem]]:
    """The configuration, or everything that is wrong with it.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or is not YAML.
    """
    positions, origins = _read(path, environ)
    try:
        return Config.model_validate(positions.values), []
    except ValidationError as error:
        problems = [_problem(dict(one), positions, origins) for one in error.errors(include_url=False)]
        return None, sorted(problems, key=_by_line)


def missing_files(config: Config, path: Path | None, environ: Mapping[str, str]) -> list[Problem]:
    """The files and folders that a configuration names and this machine does not have."""
    positions, origins = _read(path, environ)
    problems = []
    for where, file in _files(config, ()):
        kind = "folder" if where[-1] == "folder" else "file"
        there = file.is_dir() if kind == "folder" else file.is_file()
        if not (there and os.access(file, os.R_OK)):
            what = f"{path_text(where)}: {file} is no {kind} that can be read"
            problems.append(Problem(_place(where, positions, origins), what))
    return problems


def _files(settings: BaseModel, where: KeyPath) -> Iterator[tuple[KeyPath, Path]]:
    for name, field in type(settings).model_fields.items():
        # What is made where it is missing.
        if field.json_schema_extra == {"made": True}:
            continue
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _files(value, (*where, name))
        elif isinstance(value, Path) and (name in {"folder", "file"} or name.endswith("_file")):
            yield (*where, name), value


def _read(path: Path | None, environ: Mapping[str, str]) -> tuple[Positions, dict[KeyPath, str]]:
    """Values of file and environment, and which variable set what."""
    positions = read_yaml(path) if path else Positions("the configuration", {}, {})
    origins: dict[KeyPath, str] = {}
    for name, where in _variables(environ):
        _put(positions.values, where, _parsed(environ[name], where), name)
        origins[where] = name
    return positions, origins


def _by_line(problem: Problem) -> tuple[str, int]:
    name, _, line = problem.where.rpartition(":")
    return (name, int(line)) if line.isdigit() else (problem.where, 0)


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, KeyPath]]:
    for name in sorted(environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            yield name, tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))


def _put(values: dict[str, Any], where: KeyPath, value: object, name: str) -> None:
    here: Any = values
    for key in where[:-1]:
        here = here.setdefault(key, {})
        if not isinstance(here, dict):
            raise ConfigurationError(f"{name}: {path_text(where)} lies inside a list or a value", "Set the whole list")
    here[where[-1]] = value


def _parsed(text: str, where: KeyPath) -> object:
    """A variable's value: text stays text where text is meant; lists and mappings are YAML."""
    field = field_at(where)
    if field is not None and _takes_text(field):
        return text
    if text.strip().startswith(("[", "{")) or text in ("null", ""):
        try:
            return yaml.safe_load(text)
        except (yaml.YAMLError, ValueError):
            return text
    return text


def _takes_text(field: FieldInfo) -> bool:
    kinds = typing.get_args(field.annotation) or (field.annotation,)
    is_one = list not in kinds and typing.get_origin(field.annotation) is not dict
    return is_one and bool({str, SecretStr, Path} & set(kinds))


def model_of(annotation: object) -> type[BaseModel] | None:
    """The settings class that an annotation holds, alone, optional or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, types.GenericAlias | types.UnionType) or typing.get_origin(annotation):
        return next(filter(None, map(model_of, typing.get_args(annotation))), None)
    return None


def field_at(where: KeyPath) -> FieldInfo | None:
    """The field that a path of keys names, if it is one of ours."""
    model: type[BaseModel] | None = Config
    field: FieldInfo | None = None
    in_mapping = False
    for key in where:
        # A list's position or a mapping's key says nothing of the field.
        if isinstance(key, int) or in_mapping:
            in_mapping = False
            continue
        field = model.model_fields.get(key) if model else None
        if field is None:
            return None
        in_mapping = typing.get_origin(field.annotation) is dict
        model = model_of(field.annotation)
    return field


def _problem(error: dict[str, Any], positions: Positions, origins: Mapping[KeyPath, str]) -> Problem:
    where: KeyPath = tuple(error["loc"])
    what = _what(error, where)
    place = _place(_culprit(where, what, positions.values), positions, origins)
    return Problem(place, f"{path_text(where)}: {what}", _way_out(error, where))


def _place(where: KeyPath, positions: Positions, origins: Mapping[KeyPath, str]) -> str:
    origin = next((name for path, name in origins.items() if where[: len(path)] == path), None)
    return origin or positions.place(where)


def _culprit(where: KeyPath, what: str, values: object) -> KeyPath:
    """Of what is wrong with a section as a whole, the first of its keys that the sentence names, or whose value."""
    section: Any = values
    for key in where:
        try:
            section = section[key]
        except (KeyError, IndexError, TypeError):
            return where
    if not isinstance(section, dict):
        return where
    words = set(re.findall(r"[\w./:-]+", what))
    named = (key for key, value in section.items() if key in words or (isinstance(value, str) and value in words))
    return next(((*where, key) for key in named), where)


def _what(error: dict[str, Any], where: KeyPath) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such setting"
    message = str(error["msg"]).removeprefix("Value error, ")
    if message[1:2].islower():
        message = message[:1].lower() + message[1:]
    given = error.get("input")
    if _may_hold_a_secret(where) or isinstance(given, dict | list | BaseModel) or error["type"] == "value_error":
        return message
    return f"{message}, not {given!r}"


def _may_hold_a_secret(where: KeyPath) -> bool:
    """Whether what was given there may be a secret, or a text with one in it where settings were meant."""
    if any(word in path_text(where) for word in ("password", "secret", "key")):
        return True
    field = field_at(where)
    return field is None or model_of(field.annotation) is not None or SecretStr in typing.get_args(field.annotation)


def _largest(field: FieldInfo | None) -> str:
    """What to write for "without end"."""
    bounds = (getattr(one, "le", getattr(one, "lt", None)) for one in field.metadata) if field else ()
    most = next((one for one in bounds if one is not None), None)
    return "Write a number" if most is None else f"The most that it can be is {most:.15g}"


def _way_out(error: dict[str, Any], where: KeyPath) -> str:
    field = field_at(where)
    if error["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))
        if close := difflib.get_close_matches(str(error.get("input")), known, 1, 0.4):
            return f"Did you mean {close[0]}?"
    if error["type"] == "finite_number":
        return _largest(field)
    if error["type"] != "extra_forbidden":
        return f"It is: {field.description}" if field is not None and field.description else ""
    parent = field_at(where[:-1])
    model = Config if len(where) == 1 else model_of(parent.annotation) if parent else None
    known = sorted(model.model_fields) if model else []
    close = difflib.get_close_matches(str(where[-1]), known, 1)
    return f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}"
