"""What OTLP means, whichever its encoding: types and labels, as ``otlp`` tells them."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Final

import msgspec

from integrations.formats.otlp_walk import GAUGE, SUM, SUMMARY

UNSPECIFIED: Final = 0
DELTA: Final = 1
CUMULATIVE: Final = 2


def type_of_points(kind: int, temporality: int, *, monotonic: bool) -> str:
    """Type of a metric's points; ``kind`` is the number of the data field.

    Examples
    --------
    >>> type_of_points(SUM, CUMULATIVE, monotonic=True), type_of_points(SUM, CUMULATIVE, monotonic=False)
    ('counter', 'gauge')
    """
    if kind == GAUGE:
        return "gauge"
    if kind == SUMMARY:
        return "counter"
    if temporality == DELTA:
        return "delta"
    if temporality != CUMULATIVE:
        return "unknown"
    return "gauge" if kind == SUM and not monotonic else "counter"


def attribute_text(value: object) -> str | None:
    """An attribute's value as a label: numbers and booleans as JSON writes them, bytes in base64, the rest as JSON.

    Examples
    --------
    >>> attribute_text(True), attribute_text(3), attribute_text(["a", 1]), attribute_text(None)
    ('true', '3', '["a",1]', None)
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, int | float):
        return f"{value}"
    return msgspec.json.encode(value).decode()


def labels_from(*attributes: Iterable[tuple[str, object]]) -> dict[str, str]:
    """Labels from attributes, later ones winning."""
    labels: dict[str, str] = {}
    for name, value in (pair for some in attributes for pair in some):
        text = attribute_text(value)
        if text is not None:
            labels[name] = text
    return labels
