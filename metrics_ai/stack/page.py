"""One page for people: roles, rates, lag, open incidents, the broker. No scripts, no outside files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

_REFRESH_S: Final = 5
_LINKS: Final = (
    '<p class="note">For machines: <a href="/metrics">/metrics</a>, <a href="/status">/status</a>, '
    '<a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a>.</p>'
)
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.4rem;margin-bottom:0}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .8rem .25rem 0;
border-bottom:1px solid #d8dee4}th{font-weight:600;color:#57606a}td.n{font-variant-numeric:tabular-nums}
.bad{color:#b42318;font-weight:600}.good{color:#13693b}p.note{color:#57606a}
@media(prefers-color-scheme:dark){body{background:#14171a;color:#e6e8ea}th,p.note{color:#9aa4ae}
th,td{border-color:#2c3238}.bad{color:#ff8a7a}.good{color:#6cd19a}}
"""


def status_page(status: Mapping[str, Any]) -> bytes:
    """The page of a stack's status, as ``Stack.status`` gives it."""
    ready = status["ready"]
    word = '<span class="good">consuming</span>' if ready else '<span class="bad">not ready</span>'
    broker = status["broker"]
    parts = [
        f"<h1>Metrics AI</h1><p>The stack is {word}. Broker {escape(broker['address'])} ({broker['kind']}).</p>",
        *(f'<p class="bad">{escape(text)}</p>' for text in status["warnings"]),
        "<h2>Roles</h2>",
        _table(("role", "state", "process", "up", "memory", "restarts"), map(_role_row, status["roles"])),
        "<h2>Flow</h2>",
        _table(("stage", "samples/s", "records behind", "rejected", "series"), map(_flow_row, status["flow"])),
        "<h2>Open incidents</h2>",
        _incidents(status["incidents"]),
        _memory(broker),
        _LINKS,
    ]
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" '
        f'content="{_REFRESH_S}"><meta name="viewport" content="width=device-width">'
        f"<title>Metrics AI</title><style>{_STYLE}</style></head><body>"
    )
    return (head + "".join(parts) + "</body></html>\n").encode()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f'<td class="n">{cell}</td>' for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def _role_row(role: Mapping[str, Any]) -> list[str]:
    state = role["state"]
    colour = "good" if state == "running" else "bad"
    return [
        escape(role["role"]),
        f'<span class="{colour}">{escape(state)}</span>',
        str(role["pid"] or "-"),
        "-" if role["up_s"] is None else f"{role['up_s']} s",
        megabytes(role["memory_bytes"]),
        str(role["restarts"]),
    ]


def _flow_row(flow: Mapping[str, Any]) -> list[str]:
    rate = flow["samples_per_s"]
    return [
        escape(flow["stage"]),
        "-" if rate is None else f"{rate:,.1f}",
        f"{flow['lag']:,.0f}",
        f"{flow['rejected']:,.0f}",
        f"{flow['series']:,.0f}",
    ]


def _incidents(incidents: Sequence[Mapping[str, Any]]) -> str:
    if not incidents:
        return "<p>None.</p>"
    rows = ([escape(str(one[key])) for key in ("priority", "title", "started", "members")] for one in incidents)
    return _table(("priority", "incident", "since", "alerts"), rows)


def _memory(broker: Mapping[str, Any]) -> str:
    if broker["kind"] != "embedded":
        return ""
    text = f"The embedded broker holds {megabytes(broker['memory_bytes'])} of {megabytes(broker['ceiling_bytes'])}"
    week = broker["week_bytes"]
    growth = "" if week is None else f", and grows by {megabytes(week)} a week at the present rate"
    return f'<p class="note">{escape(text + growth)}. It keeps everything until it ends.</p>'


def megabytes(count: float) -> str:
    """A size in MiB.

    Examples
    --------
    >>> megabytes(5 * 1024 * 1024)
    '5 MiB'
    """
    return f"{count / 1048576:,.0f} MiB"
