"""Issues of Jira: what is written into them, how they are found again, and what is to be done with one.

What is done with the newest issue of a key (a table, so that all of it is seen):

=================  =========  =======================================================
the issue is       firing     resolved
=================  =========  =======================================================
none               create     nothing
open               comment    resolve it, comment
done, in time      reopen     nothing
done, too long     create     nothing
won't be fixed     nothing    nothing
=================  =========  =======================================================

*In time* is within ``reopen_duration`` of its resolution, where a ``reopen_transition`` is set. An issue that was
closed with ``wont_fix_resolution`` is left alone for as long; after that its key makes a new one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from integrations.delivery import adf
from integrations.delivery.jira_settings import JiraSettings
from integrations.delivery.limits import cut, one_line, units
from integrations.delivery.wording import as_text, headline, sections
from schemas.notification_events import Notification

# https://github.com/prometheus/alertmanager/blob/main/notify/jira/jira.go
MAX_SUMMARY: Final = 255
MAX_DESCRIPTION: Final = 32_767
MAX_LABEL: Final = 255
FIELDS: Final = ("status", "resolution", "resolutiondate")

Standing = Literal["none", "open", "done_in_time", "done", "wont_fix"]
Step = Literal["create", "comment", "reopen", "resolve", "nothing"]
STEPS: Final[Mapping[tuple[Standing, bool], Step]] = {
    ("none", True): "create",
    ("open", True): "comment",
    ("done_in_time", True): "reopen",
    ("done", True): "create",
    ("wont_fix", True): "nothing",
    ("none", False): "nothing",
    ("open", False): "resolve",
    ("done_in_time", False): "nothing",
    ("done", False): "nothing",
    ("wont_fix", False): "nothing",
}
"""By how the issue stands, and whether alerts fire."""


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as it was read.

    Parameters
    ----------
    is_done
        Whether its status is of the category *done*.
    resolved_s
        When it was resolved, in seconds since the epoch.
    """

    key: str
    is_done: bool
    status: str = ""
    resolution: str = ""
    resolved_s: float | None = None


def key_label(notification: Notification) -> str:
    """The label by which the issue of a key is found again.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> key_label(SimpleNamespace(tenant="default", dedup_key="i1"))
    'ALERT{f597573dbbe5fb2ee3ff0ac250a21ca51669f6a4f6d78ea0e35120a3e9e225f0}'
    """
    digest = hashlib.sha256(f"{notification.tenant}/{notification.dedup_key}".encode()).hexdigest()
    return f"ALERT{{{digest}}}"


def incident_label(incident_id: str) -> str:
    """The label by which a webhook of Jira's names the incident.

    Examples
    --------
    >>> incident_label("a1b2")
    'INCIDENT{a1b2}'
    """
    return f"INCIDENT{{{''.join(incident_id.split())}}}"[:MAX_LABEL]


def search_jql(project: str, label: str) -> str:
    """The search for all issues of a key, the newest first.

    Examples
    --------
    >>> search_jql("OPS", "ALERT{1}")
    'project = "OPS" AND labels = "ALERT{1}" ORDER BY created DESC'
    """
    return f'project = "{_quoted(project)}" AND labels = "{_quoted(label)}" ORDER BY created DESC'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def create_fields(notification: Notification, settings: JiraSettings) -> dict[str, Any]:
    """The fields of a new issue."""
    labels = {"".join(label.split())[:MAX_LABEL] for label in settings.labels if label.strip()}
    labels.add(key_label(notification))
    if notification.incident_id:
        labels.add(incident_label(notification.incident_id))
    fields: dict[str, Any] = {
        **settings.fields,
        "project": {"key": settings.project},
        "issuetype": {"name": settings.issue_type},
        "summary": cut(headline(notification), MAX_SUMMARY),
        "description": written(notification, settings),
        "labels": sorted(labels),
    }
    priority = settings.priority_of(notification.priority)
    if priority:
        fields["priority"] = {"name": priority}
    return fields


def footer_of(notification: Notification) -> str:
    """The last line of what a notification writes: by it a repeat finds that it was written."""
    return f"Notification {one_line(notification.id)}"


def written(notification: Notification, settings: JiraSettings) -> Any:
    """A notification as a description or a comment: a document for API v3, mark-up for v2."""
    told = sections(notification, settings.max_alerts or 50)
    footer = footer_of(notification)
    if settings.version == 3:
        return adf.document(told, footer, MAX_DESCRIPTION)
    body = _unmarked(as_text(told))
    return f"{cut(body, MAX_DESCRIPTION - units(footer) - 2)}\n\n{footer}"


def _unmarked(text: str) -> str:
    # In Jira's mark-up these start a macro, a link or a mention, and a picture; a label's value may say anything.
    return re.sub(r"([{\[!])", r"\\\1", text)


def issue_of(found: Mapping[str, Any]) -> Issue | None:
    """Read an issue; None where it is none."""
    fields = found.get("fields")
    key = found.get("key")
    if not isinstance(fields, Mapping) or not isinstance(key, str):
        return None
    status = _mapping(fields.get("status"))
    category = _mapping(status.get("statusCategory")).get("key")
    return Issue(
        key,
        category == "done",
        str(status.get("name", "")),
        str(_mapping(fields.get("resolution")).get("name", "")),
        _seconds(fields.get("resolutiondate")),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _seconds(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else None
    except ValueError:
        return None


def newest(issues: Sequence[Issue]) -> Issue | None:
    """The issue that stands for its key: an open one, else the one that was resolved last."""
    if not issues:
        return None
    return max(issues, key=lambda one: (not one.is_done, one.resolved_s or 0.0))


def standing(issue: Issue | None, settings: JiraSettings, now_s: float) -> Standing:
    """How the issue of a key stands."""
    if issue is None:
        return "none"
    if not issue.is_done:
        return "open"
    in_time = issue.resolved_s is None or now_s - issue.resolved_s <= settings.reopen_duration
    if not in_time or settings.reopen_duration <= 0:
        return "done"
    if settings.wont_fix_resolution and issue.resolution == settings.wont_fix_resolution:
        return "wont_fix"
    return "done_in_time" if settings.reopen_transition else "done"
