"""Reading many JSON records quickly, and saying well what is wrong with the few that are not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from integrations.formats.base import Columns, Decoded, FormatOptions, HistogramSample, SeriesTable, TimeUnit
from integrations.formats.times import BadTimeError, to_ms
from schemas.batch import HistogramPoint

T = TypeVar("T")

# All that a msgspec decoder raises on bytes: bad JSON or types, bad UTF-8, nesting too deep, no bytes at all.
DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError)
_any = msgspec.json.Decoder()


class BadPartError(ValueError):
    """A part of a record that cannot be read.

    Parameters
    ----------
    reason
        The rejection's stable name.
    detail
        Which part, and why.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def decode_each(decode: Callable[[bytes], T], values: Sequence[bytes]) -> list[T | None]:
    """Decode every value; None stands where one could not be.

    Examples
    --------
    >>> decode_each(msgspec.json.Decoder(dict[str, int]).decode, [b'{"a":1}', b"[", b"{}"])
    [{'a': 1}, None, {}]
    """
    out: list[T | None] = []
    rest = iter(values)
    while True:
        try:
            # extend keeps what it had when an item raises, and the iterator stands behind that item.
            out.extend(map(decode, rest))
            return out
        except DECODE_ERRORS:
            out.append(None)


def objects_of(value: bytes, record: int, columns: Columns, inside: str | None = None) -> Iterator[dict[str, Any]]:
    """The objects of one record: it is one, an array of them or, under the key ``inside``, holds such an array.

    What is no object is rejected by its place; nothing is raised.
    """
    if not value:
        columns.reject(record, "empty", "a record without a value")
        return
    try:
        body = _any.decode(value)
    except DECODE_ERRORS as error:
        columns.reject(record, "not_json", error)
        return
    if inside is not None and isinstance(body, dict) and isinstance(body.get(inside), list):
        body = body[inside]
    for at, one in enumerate(body if isinstance(body, list) else [body]):
        if isinstance(one, dict):
            yield one
        else:
            where = f"element {at} is" if isinstance(body, list) else "the value is"
            columns.reject(record, "not_an_object", f"{where} {kind_of(one)}, not an object")


def kind_of(value: object) -> str:
    """JSON's word for a decoded value.

    Examples
    --------
    >>> kind_of(None), kind_of([]), kind_of(1.5)
    ('null', 'an array', 'a number')
    """
    names = {bool: "a boolean", str: "a string", list: "an array", dict: "an object", type(None): "null"}
    return names.get(type(value), "a number")


def text_of(body: Mapping[str, Any], key: str, reason: str) -> str:
    """A text that must be there and not be empty.

    Raises
    ------
    BadPartError
        With the given reason.
    """
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise BadPartError(reason, f"{key} is {'empty' if value == '' else kind_of(value)}")
    return value


def number_of(value: object, where: str) -> float:
    """A JSON number as a float.

    Raises
    ------
    BadPartError
        ``missing_value`` for null, ``bad_value`` for anything else that is no number.
    """
    if value is None:
        raise BadPartError("missing_value", f"{where} has no value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadPartError("bad_value", f"{where} is {kind_of(value)}, not a number")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def labels_of(value: object, where: str = "labels") -> dict[str, str]:
    """Labels as text: numbers and booleans as JSON writes them, nulls left out.

    Raises
    ------
    BadPartError
        ``bad_labels`` if this is no flat object.

    Examples
    --------
    >>> labels_of({"cpu": 0, "on": True, "none": None, "host": "h1"})
    {'cpu': '0', 'on': 'true', 'host': 'h1'}
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadPartError("bad_labels", f"{where} is {kind_of(value)}, not an object")
    labels = {}
    for name, one in value.items():
        if isinstance(one, str):
            labels[name] = one
        elif isinstance(one, dict | list):
            raise BadPartError("bad_labels", f"{where}.{name} is {kind_of(one)}")
        elif one is not None:
            labels[name] = scalar_text(one)
    return labels


def scalar_text(value: object) -> str:
    """A number or boolean as JSON writes it."""
    return ("true" if value else "false") if isinstance(value, bool) else f"{value}"


@dataclass(frozen=True, slots=True)
class Reading:
    """One record while it is read: where its samples go."""

    record: int
    record_ms: int
    table: SeriesTable
    columns: Columns

    def time(self, time: object, unit: TimeUnit, where: str) -> int:
        """Event milliseconds of a producer's time; the record's own where there is none.

        Raises
        ------
        BadPartError
            ``bad_timestamp``.
        """
        if time is None and self.record_ms < 0:
            raise BadPartError("bad_timestamp", f"{where}: neither the message nor its record has a time")
        try:
            return to_ms(self.record_ms, "ms") if time is None else to_ms(time, unit)
        except BadTimeError as error:
            raise BadPartError("bad_timestamp", f"{where}: {error}") from error

    def add(self, metric: str, labels: Mapping[str, str], kind: str, at_ms: int, value: float) -> None:
        """One sample without a unit."""
        self.columns.add(self.table.intern(metric, labels, kind), at_ms, value, self.record)

    def add_histogram(self, dense: int, at_ms: int, point: HistogramPoint) -> None:
        """One histogram point of a series."""
        self.columns.histograms.append(HistogramSample(dense, at_ms, point, self.record))

    def skip(self, reason: str) -> None:
        """Count a value that is left out on purpose."""
        self.columns.skipped[reason] += 1


class ObjectDecoder:
    """Base of the formats whose records are JSON objects or arrays of them, read one by one.

    A format says ``name`` and ``_read``, which may raise ``BadPartError``: that part is rejected, the others stay.
    """

    name = ""
    inside: str | None = None

    def __init__(self, options: FormatOptions) -> None:
        self.options = options

    def decode(self, values: Sequence[bytes], record_ms: Sequence[int], table: SeriesTable) -> Decoded:
        """Decode records; see ``Decoder``."""
        columns = Columns()
        for record, value in enumerate(values):
            self.read_one(value, Reading(record, record_ms[record], table, columns))
        return columns.decoded()

    def read_one(self, value: bytes, reading: Reading) -> None:
        """Read one record into the reading's columns."""
        for body in objects_of(value, reading.record, reading.columns, self.inside):
            try:
                self._read(body, reading)
            except BadPartError as error:
                reading.columns.reject(reading.record, error.reason, error.detail)

    def _read(self, body: dict[str, Any], reading: Reading) -> None:
        raise NotImplementedError
