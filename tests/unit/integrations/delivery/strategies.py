"""Notifications of any kind: long texts, all of Unicode, many alerts."""

from __future__ import annotations

from hypothesis import strategies as st

from schemas.notification_events import Notification
from tests.integration.vendors.notifications import AT_MS, alert, notification

WORDS = st.text(max_size=40) | st.builds(
    lambda text, times: text * times, st.text(min_size=1, max_size=9), st.integers(1, 4000)
)
LABELS = st.dictionaries(
    st.text(min_size=1, max_size=20) | st.sampled_from(["service", "node", "team"]), WORDS, max_size=6
)
TIMES = st.integers(0, 10**13)


def alerts() -> st.SearchStrategy[list[dict[str, object]]]:
    """Lists of alerts."""
    one = st.builds(
        lambda number, labels, annotations, started, ended: alert(
            number,
            labels=labels,
            annotations=annotations,
            started_ms=started,
            ended_ms=ended,
            state="resolved" if ended is not None else "firing",
        ),
        st.integers(0, 99),
        LABELS,
        st.dictionaries(st.sampled_from(["summary", "description"]), WORDS, max_size=2),
        TIMES,
        st.none() | TIMES,
    )
    return st.lists(one, max_size=4) | st.builds(lambda alert, times: [alert] * times, one, st.integers(1, 150))


def contexts() -> st.SearchStrategy[dict[str, object] | None]:
    """Contexts, or none."""
    excerpts = st.builds(
        lambda signal, points: {"signal": signal, "entity": signal, "unit": "%", "points": points},
        WORDS,
        st.lists(st.tuples(TIMES, st.floats(allow_nan=False, allow_infinity=False)), max_size=60),
    )
    change = st.builds(
        lambda what, url: {"id": "c", "kind": "deploy", "what": what, "at_ms": AT_MS, "url": url},
        st.text(min_size=1, max_size=200),
        st.none() | st.sampled_from(["https://ci/1", "javascript:1", "x"]),
    )
    return st.none() | st.fixed_dictionaries(
        {
            "signals": st.lists(excerpts, max_size=5),
            "forecasts": st.lists(WORDS, max_size=3),
            "budgets": st.lists(WORDS, max_size=3),
            "changes": st.lists(change, max_size=3),
            "runbooks": st.lists(WORDS, max_size=3),
            "links": st.dictionaries(
                WORDS, st.sampled_from(["https://l/?q=1", "ftp://x", "", "http:// a"]), max_size=3
            ),
            "truncated": st.booleans(),
        }
    )


def notifications() -> st.SearchStrategy[Notification]:
    """Notifications of any kind."""
    return st.builds(
        lambda action, **parts: notification(
            action=action, status="resolved" if action == "resolve" else "firing", **parts
        ),
        st.sampled_from(["open", "update", "resolve", "digest"]),
        id=st.text(min_size=1, max_size=60),
        title=WORDS,
        reason=WORDS,
        dedup_key=st.text(min_size=1, max_size=255),
        priority=st.sampled_from(["P0", "P1", "P2", "P3"]),
        common_labels=LABELS,
        alerts=alerts(),
        truncated_alerts=st.integers(0, 1000),
        incident_id=st.none() | st.text(min_size=1, max_size=60),
        assignees=st.lists(WORDS, max_size=3),
        context=contexts(),
        at_ms=TIMES,
    )
