"""The Atlassian Document Format: what descriptions and comments of Jira's API v3 are written in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integrations.delivery.limits import cut, units, web_address
from integrations.delivery.wording import Section


def document(told: Sequence[Section], footer: str, most: int) -> dict[str, Any]:
    """Sections as a document whose text has at most so many units.

    Parameters
    ----------
    footer
        A last line, which is never cut.

    Examples
    --------
    >>> found = document([Section("Why now", ("It is new.",))], "notification n1", 100)
    >>> [node["type"] for node in found["content"]]
    ['heading', 'bulletList', 'paragraph']

    References
    ----------
    https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
    """
    left = most - units(footer)
    content: list[dict[str, Any]] = []
    for section in told:
        left -= units(section.heading)
        items: list[dict[str, Any]] = []
        for line in section.lines:
            text = cut(line, left)
            left -= units(text)
            if text:  # an empty node of text is no valid one
                items.append({"type": "listItem", "content": [_paragraph(text)]})
        if items:
            heading = {"type": "heading", "attrs": {"level": 3}, "content": [{"type": "text", "text": section.heading}]}
            content += [heading, {"type": "bulletList", "content": items}]
    content.append(_paragraph(footer))
    return {"type": "doc", "version": 1, "content": content}


def _paragraph(text: str) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "text", "text": text}
    _, _, last = text.rpartition(": ")
    if web_address(last):
        start = text[: len(text) - len(last)]
        link = {"type": "text", "text": last, "marks": [{"type": "link", "attrs": {"href": last}}]}
        return {"type": "paragraph", "content": [{"type": "text", "text": start}, link] if start else [link]}
    return {"type": "paragraph", "content": [node]}
