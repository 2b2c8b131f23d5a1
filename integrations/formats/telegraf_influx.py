r"""Influx line protocol (Telegraf's default): several lines a message, comments and blank lines allowed.

Names, tags and fields become what they become from Telegraf's JSON. Integers end in ``i``, unsigned ones in ``u``;
text is skipped and counted as ``string_field``; a line without a time takes the record's. Escapes: ``\,`` ``\=`` and
``\ `` in names, tags and field keys, ``\"`` and ``\\`` inside text; a backslash before anything else is itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from integrations.formats.base import Columns, Decoded, FormatOptions, SeriesTable
from integrations.formats.json_reading import BadPartError, Reading
from integrations.formats.telegraf_names import intern_fields

_Head = tuple[str, dict[str, str]]
_Group = tuple[str, tuple[str, ...]]

# A name up to an unescaped separator. Possessive throughout: nothing is ever tried twice, however long the line.
_MEASUREMENT: Final = re.compile(r"(?:[^\\, ]++|\\.)++", re.DOTALL)
_TAG: Final = re.compile(r",((?:[^\\,= ]++|\\.)++)=((?:[^\\,= ]++|\\.)++)", re.DOTALL)
_FIELD: Final = re.compile(r'((?:[^\\,= ]++|\\.)++)=("(?:[^"\\]++|\\.)*+"|[^", ]++)', re.DOTALL)
# A comment, or a head (where a quote is a letter) and fields (where text in quotes may hold line ends).
_LINE: Final = re.compile(
    r"[ \t\r\0]*+(?:#[^\n]*+|(?:[^\\ \n]++|\\[^\n])*+"
    r'(?:="(?:[^"\\]++|\\.)*+"|\\[^\n]|[^\n\\=]++|[=\\])*+)\n?',
    re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\([,= ])")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER: Final = re.compile(r"(-?[0-9]{1,19})i|([0-9]{1,20})u")
_BOOLEANS: Final = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), 1.0),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), 0.0),
}


class TelegrafInflux:
    """Decoder of Influx line protocol."""

    name = "telegraf_influx"

    def __init__(self, options: FormatOptions) -> None:
        self._options = options
        self._unit = options.time_unit
        self._owner = ("telegraf_influx", options.counters)

    def decode(self, values: Sequence[bytes], record_ms: Sequence[int], table: SeriesTable) -> Decoded:
        """Decode records; see ``Decoder``."""
        columns = Columns()
        known: dict[_Group, list[int]] = table.scratch(self._owner, dict)
        if len(known) > table.scratch_limit:
            known.clear()
        for record, value in enumerate(values):
            if not value:
                columns.reject(record, "empty", "a record without a value")
                continue
            try:
                text = value.decode()
            except UnicodeDecodeError as error:
                columns.reject(record, "not_utf8", error)
                continue
            self._lines(text, Reading(record, record_ms[record], table, columns))
        return columns.decoded()

    def _lines(self, text: str, reading: Reading) -> None:
        # Only a field's text in quotes may hold a line end; without quotes lines are just lines.
        lines = text.split("\n") if '"' not in text else _quoted_lines(text)
        for at, line in enumerate(lines, 1):
            bare = line.strip("\r\t \0")
            if not bare or bare.startswith("#"):
                continue
            try:
                self._line(bare, at, reading)
            except BadPartError as error:
                _reject(error, at, reading)

    def _line(self, line: str, number: int, reading: Reading) -> None:
        head, fields, time = _split(line)
        at_ms = reading.time(time, self._unit, "time") if time else reading.time(None, "ms", "time")
        known: dict[_Group, list[int]] = reading.table.scratch(self._owner, dict)
        numbers: dict[str, float] = {}
        for key, text in fields:
            if text.startswith('"'):
                reading.skip("string_field")
                continue
            try:
                numbers[key] = _value(key, text)
            except BadPartError as error:
                _reject(error, number, reading)
        group = (head, tuple(numbers))
        ids = known.get(group)
        if ids is None:
            measurement, tags = _head(head)
            ids = known[group] = intern_fields(
                reading.table, measurement, tags, map(_unescaped, numbers), self._options
            )
        columns = reading.columns
        columns.series += ids
        columns.value += numbers.values()
        columns.timestamp_ms += [at_ms] * len(ids)
        columns.record += [reading.record] * len(ids)


def _quoted_lines(text: str) -> list[str]:
    return _LINE.findall(text)


def _split(line: str) -> tuple[str, list[tuple[str, str]], str]:
    """Measurement with tags, fields, time (perhaps empty)."""
    if "\\" not in line and '"' not in line:
        head, _, rest = line.partition(" ")
        body, _, time = rest.strip(" ").partition(" ")
        if not body:
            raise BadPartError("missing_value", "no fields")
        return head, [_pair(part) for part in body.split(",")], time.strip(" ")
    end = _head_end(line)
    fields, at = [], end + len(line[end:]) - len(line[end:].lstrip(" "))
    while True:
        found = _FIELD.match(line, at)
        if found is None:
            raise BadPartError("bad_value", f"no field at {line[at : at + 20]!r}")
        fields.append((found[1], found[2]))
        at = found.end()
        if line[at : at + 1] != ",":
            break
        at += 1
    rest = line[at:]
    if rest and not rest.startswith(" "):
        raise BadPartError("bad_value", f"{rest[:20]!r} behind field {fields[-1][0]}")
    return line[:end], fields, rest.strip(" ")


def _pair(part: str) -> tuple[str, str]:
    key, equals, value = part.partition("=")
    if not key or not equals or not value:
        raise BadPartError("bad_value", f"{part[:40]!r} is not key=value")
    return key, value


def _head_end(line: str) -> int:
    found = _MEASUREMENT.match(line)
    if found is None:
        raise BadPartError("missing_metric", "no measurement")
    end = found.end()
    while tag := _TAG.match(line, end):
        end = tag.end()
    return end


def _head(head: str) -> _Head:
    found = _MEASUREMENT.match(head)
    if found is None:
        raise BadPartError("missing_metric", "no measurement")
    at, tags = found.end(), {}
    while at < len(head):
        tag = _TAG.match(head, at)
        if tag is None:
            raise BadPartError("bad_labels", f"no tag at {head[at : at + 20]!r}")
        tags[_unescaped(tag[1])] = _unescaped(tag[2])
        at = tag.end()
    return _unescaped(found[0]), tags


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _value(key: str, text: str) -> float:
    if _NUMBER.fullmatch(text):
        return float(text)
    if integer := _INTEGER.fullmatch(text):
        return float(int(integer[1] or integer[2]))
    if (boolean := _BOOLEANS.get(text)) is not None:
        return boolean
    raise BadPartError("bad_value", f"field {key[:40]}: {text[:40]!r} is not a value")


def _reject(error: BadPartError, line: int, reading: Reading) -> None:
    reading.columns.reject(reading.record, error.reason, f"line {line}: {error.detail}")
