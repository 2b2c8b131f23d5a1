"""The configuration as text: commented YAML that loads back to the same, and a reference in Markdown."""

from __future__ import annotations

import functools
import operator
import types
import typing
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from metrics_ai.config import ENVIRONMENT_PREFIX, Config, model_of

_WRAP = 100
_HEAD = """\
# The complete configuration of Metrics AI.
# Leave out what you do not change. Each setting can be given in the environment, too: kafka.bootstrap is
# METRICS_AI__KAFKA__BOOTSTRAP. Secrets belong there or in files, and are not shown here.
"""


def config_yaml(config: Config) -> str:
    """Every setting with its description, as YAML; secrets are left out.

    Examples
    --------
    >>> "bootstrap: 127.0.0.1:9092" in config_yaml(Config())
    True
    """
    return _HEAD + "\n".join(_model_lines(config, 0)) + "\n"


def _model_lines(model: BaseModel, depth: int, commented: bool = True) -> Iterator[str]:
    pad = "  " * depth
    for name, field in type(model).model_fields.items():
        if depth == 0:
            yield ""
        if commented:
            yield from (f"{pad}# {line}" for line in _wrapped(_comment(field)))
        yield from _field_lines(name, getattr(model, name), depth, commented)


def _field_lines(name: str, value: object, depth: int, commented: bool) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, SecretStr):
        yield f"{pad}# {name} is set and not shown."
    elif isinstance(value, BaseModel):
        yield f"{pad}{name}:"
        yield from _model_lines(value, depth + 1, commented)
    elif isinstance(value, dict) and value and all(isinstance(one, BaseModel) for one in value.values()):
        yield f"{pad}{name}:"
        for at, (key, item) in enumerate(value.items()):
            yield f"{pad}  {key}:"
            yield from _model_lines(item, depth + 2, commented and at == 0)
    elif isinstance(value, list | tuple) and value and isinstance(value[0], BaseModel):
        yield f"{pad}{name}:"
        for at, item in enumerate(value):
            yield from _item_lines(item, depth + 1, commented and at == 0)
    else:
        yield from (pad + line for line in _plain_lines(name, value))


def _item_lines(item: BaseModel, depth: int, commented: bool) -> Iterator[str]:
    """A list's item: its first line takes the dash (comments stand above it)."""
    pad = "  " * depth
    dashed = False
    for line in _model_lines(item, depth + 1, commented):
        is_first = not dashed and line.strip() and not line.lstrip().startswith("#")
        dashed = dashed or bool(is_first)
        yield f"{pad}- {line[len(pad) + 2 :]}" if is_first else line


def _plain_lines(name: str, value: object) -> list[str]:
    text = yaml.safe_dump({name: _jsonable(value)}, sort_keys=False, allow_unicode=True, width=10_000)
    return text.rstrip("\n").splitlines()


def _jsonable(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(key): _jsonable(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_jsonable(one) for one in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _comment(field: FieldInfo) -> str:
    limits = _limits(field)
    return f"{field.description or ''} ({limits})".strip() if limits else field.description or ""


def _limits(field: FieldInfo) -> str:
    """What a value may be, from the field's bounds and choices."""
    signs = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
    found = [
        f"{sign} {_plain_number(getattr(bound, name))}"
        for bound in field.metadata
        for name, sign in signs
        if isinstance(getattr(bound, name, None), int | float)
    ]
    choices = _choices(field.annotation)
    return ", ".join(found) or (f"one of {', '.join(choices)}" if choices else "")


def _plain_number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def _choices(annotation: object) -> list[str]:
    if typing.get_origin(annotation) is typing.Literal:
        return [str(choice) for choice in typing.get_args(annotation)]
    if isinstance(annotation, types.UnionType):
        return [choice for one in typing.get_args(annotation) for choice in _choices(one)]
    return []


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= _WRAP:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return [line for line in lines if line]


def config_markdown() -> str:
    """A reference of every setting: a table a section.

    Examples
    --------
    >>> config_markdown().splitlines()[0]
    '# Configuration'
    """
    head = [
        "# Configuration",
        "",
        "`metrics-ai config show` prints the whole with its defaults; `metrics-ai config check FILE` checks one.",
        f"Each setting can be given in the environment: `kafka.bootstrap` is `{ENVIRONMENT_PREFIX}KAFKA__BOOTSTRAP`.",
    ]
    return "\n".join([*head, *_section(Config, "", "Top")]) + "\n"


def _section(model: type[BaseModel], prefix: str, title: str) -> Iterator[str]:
    inner: list[tuple[str, FieldInfo, type[BaseModel]]] = []
    rows: list[str] = []
    for name, field in model.model_fields.items():
        if below := model_of(field.annotation):
            inner.append((f"{prefix}{name}{_list_mark(field)}", field, below))
        else:
            rows.append(f"| `{prefix}{name}` | {_kind(field)} | {_default(field)} | {_cell(field.description or '')} |")
    yield from ("", f"## {title}")
    if rows:
        yield from ("", "| setting | value | default | meaning |", "|---|---|---|---|", *rows)
    for path, field, below in inner:
        yield from _section(below, f"{path}.", f"`{path}`: {(field.description or '').rstrip('.')}")


def _list_mark(field: FieldInfo) -> str:
    return "[]" if typing.get_origin(field.annotation) in (list, tuple) else ""


def _bare(annotation: Any) -> Any:
    """A type without what is checked beside it: a function of a validator has another address in each process."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _bare(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, map(_bare, typing.get_args(annotation)))
    return annotation


def _kind(field: FieldInfo) -> str:
    if choices := _choices(field.annotation):
        return _cell(", ".join(f"`{choice}`" for choice in choices))
    kind = _bare(field.annotation)
    name = kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind)
    text = name.replace("typing.", "").replace("pydantic.types.", "").replace("NoneType", "None")
    limits = _limits(field)
    return _cell(f"{text}, {limits}" if limits else text)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = _jsonable(field.get_default(call_default_factory=True))
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
    return _cell(f"`{text}`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
