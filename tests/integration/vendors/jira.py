"""Jira: issues with labels and statuses, its searches as far as we write them, transitions, comments, ADF.

Facts: https://developer.atlassian.com/cloud/jira/platform/rest/v3/ and, of documents,
https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jsonschema import Draft202012Validator

from tests.integration.vendors.standin import Reply, Request, StandIn

STATUSES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
TRANSITIONS = {
    "To Do": {"11": ("Start", "In Progress"), "31": ("Done", "Done")},
    "In Progress": {"31": ("Done", "Done"), "41": ("Stop", "To Do")},
    "Done": {"51": ("Reopen", "To Do")},
}
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
MAX_TEXT = 32_767
_JQL = re.compile(r'project = "((?:[^"\\]|\\.)*)" AND labels = "((?:[^"\\]|\\.)*)" ORDER BY created DESC')
_INLINE = {
    "type": "object",
    "required": ["type", "text"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "text"},
        "text": {"type": "string", "minLength": 1},
        "marks": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "attrs"],
                "properties": {
                    "type": {"const": "link"},
                    "attrs": {"type": "object", "required": ["href"], "properties": {"href": {"type": "string"}}},
                },
            },
        },
    },
}
_PARAGRAPH = {
    "type": "object",
    "required": ["type", "content"],
    "additionalProperties": False,
    "properties": {"type": {"const": "paragraph"}, "content": {"type": "array", "items": _INLINE}},
}
_HEADING = {
    "type": "object",
    "required": ["type", "attrs", "content"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "heading"},
        "attrs": {
            "type": "object",
            "required": ["level"],
            "properties": {"level": {"type": "integer", "minimum": 1, "maximum": 6}},
        },
        "content": {"type": "array", "items": _INLINE},
    },
}
_ITEM = {
    "type": "object",
    "required": ["type", "content"],
    "properties": {
        "type": {"const": "listItem"},
        "content": {"type": "array", "minItems": 1, "items": _PARAGRAPH},
    },
}
_LIST = {
    "type": "object",
    "required": ["type", "content"],
    "properties": {"type": {"const": "bulletList"}, "content": {"type": "array", "minItems": 1, "items": _ITEM}},
}
DOCUMENT_SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "required": ["type", "version", "content"],
        "additionalProperties": False,
        "properties": {
            "type": {"const": "doc"},
            "version": {"const": 1},
            "content": {"type": "array", "items": {"oneOf": [_PARAGRAPH, _HEADING, _LIST]}},
        },
    }
)


def text_of(document: Any) -> str:
    """The text in a document, or the text that it is."""
    if isinstance(document, str):
        return document
    if isinstance(document, dict):
        return document.get("text", "") + "".join(text_of(one) for one in document.get("content", ()))
    return ""


@dataclass
class JiraIssue:
    """An issue, as it stands."""

    key: str
    fields: dict[str, Any]
    status: str = "To Do"
    resolution: str = ""
    resolved_s: float | None = None
    comments: list[Any] = field(default_factory=list)


class JiraStandIn(StandIn):
    """A project of Jira.

    Parameters
    ----------
    version
        Of the API: 3 is the cloud, 2 a data center.
    now
        Seconds since the epoch, of resolutions.
    """

    def __init__(self, version: int = 3, now: Callable[[], float] = lambda: 1_772_323_200.0) -> None:
        super().__init__()
        self.version = version
        self.now = now
        self.project = "OPS"
        self.user, self.password = "bot@example.com", "api-token"
        self.issues: dict[str, JiraIssue] = {}
        self.has_priority_field = True
        # So many searches do not see yet what was created after the index was written.
        self.searches_behind = 0

    @property
    def api_url(self) -> str:
        """The base."""
        return f"{self.url}/rest/api/{self.version}"

    def labelled(self, label: str) -> list[JiraIssue]:
        """Issues with a label."""
        with self.lock:
            return [one for one in self.issues.values() if label in one.fields["labels"]]

    def answer(self, request: Request) -> Reply:
        """Take a request."""
        pair = b64encode(f"{self.user}:{self.password}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return _error(401, "You do not have the permission to see the specified issue.")
        if request.method == "POST" and request.path == self._search_path():
            return self._search(request.json())
        path = request.path.removeprefix(f"/rest/api/{self.version}")
        if path == request.path:
            return _error(404, "no such path")
        if (request.method, path) == ("POST", "/issue"):
            return self._create(request.json())
        found = re.fullmatch(r"/issue/([A-Z]+-\d+)(?:/(comment|transitions))?", path)
        issue = self.issues.get(found[1]) if found else None
        if found is None or issue is None:
            return _error(404, "Issue does not exist or you do not have permission to see it.")
        return self._on(issue, found[2] or "", request)

    def _search_path(self) -> str:
        return "/rest/api/3/search/jql" if self.version == 3 else "/rest/api/2/search"

    def _search(self, body: Any) -> Reply:
        found = _JQL.fullmatch(str(body.get("jql")))
        if found is None or not isinstance(body.get("maxResults"), int):
            return _error(400, "Error in the JQL Query")
        project, label = (re.sub(r"\\(.)", r"\1", one) for one in found.groups())
        if project != self.project:
            return _error(400, f"The value '{project}' does not exist for the field 'project'.")
        if self.searches_behind > 0:
            self.searches_behind -= 1
            return Reply(200, {"issues": [], "isLast": True})
        issues = [one for one in reversed(self.issues.values()) if label in one.fields["labels"]]
        shown = [self._shown(one, body.get("fields", [])) for one in issues[: body["maxResults"]]]
        return Reply(200, {"issues": shown, "isLast": True} if self.version == 3 else {"total": 1, "issues": shown})

    def _shown(self, issue: JiraIssue, names: list[str]) -> dict[str, Any]:
        resolved = issue.resolved_s
        at = datetime.fromtimestamp(resolved, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000") if resolved else None
        fields = {
            **issue.fields,
            "status": {"name": issue.status, "statusCategory": {"key": STATUSES[issue.status]}},
            "resolution": {"name": issue.resolution} if issue.resolution else None,
            "resolutiondate": at,
        }
        return {"id": issue.key, "key": issue.key, "fields": {name: fields.get(name) for name in names}}

    def _create(self, body: Any) -> Reply:
        fields = body.get("fields", {})
        errors = self._field_errors(fields)
        if errors:
            return Reply(400, {"errorMessages": [], "errors": errors})
        key = f"{self.project}-{len(self.issues) + 1}"
        self.issues[key] = JiraIssue(key, fields)
        return Reply(201, {"id": str(len(self.issues)), "key": key, "self": f"{self.api_url}/issue/{key}"})

    def _field_errors(self, fields: dict[str, Any]) -> dict[str, str]:
        errors = {}
        summary = fields.get("summary", "")
        if not summary or len(summary.encode("utf-16-le")) // 2 > 255 or "\n" in summary:
            errors["summary"] = "Summary must be one line of at most 255 characters."
        if fields.get("project") != {"key": self.project}:
            errors["project"] = "valid project is required"
        if fields.get("issuetype") not in ({"name": "Task"}, {"name": "Bug"}):
            errors["issuetype"] = "The issue type selected is invalid."
        if self._text_problem(fields.get("description")):
            errors["description"] = self._text_problem(fields.get("description"))
        if any(" " in label or len(label) > 255 for label in fields.get("labels", ())):
            errors["labels"] = "The label contains spaces or is too long."
        if "priority" in fields and not self.has_priority_field:
            errors["priority"] = "Field 'priority' cannot be set. It is not on the appropriate screen, or unknown."
        elif fields.get("priority", {"name": "High"}).get("name") not in PRIORITIES:
            errors["priority"] = "The priority selected is invalid."
        return errors

    def _text_problem(self, text: Any) -> str:
        if self.version == 3 and not DOCUMENT_SCHEMA.is_valid(text):
            return "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
        if self.version == 2 and not isinstance(text, str):
            return "Operation value must be a string"
        return "CONTENT_LIMIT_EXCEEDED" if len(text_of(text).encode("utf-16-le")) // 2 > MAX_TEXT else ""

    def _on(self, issue: JiraIssue, what: str, request: Request) -> Reply:
        match request.method, what:
            case "GET", "":
                return Reply(200, self._shown(issue, request.query.get("fields", ["status"])[0].split(",")))
            case "GET", "comment":
                most = int(request.query.get("maxResults", ["50"])[0])
                newest = list(reversed(issue.comments))[:most]
                return Reply(200, {"comments": [{"id": str(at), "body": one} for at, one in enumerate(newest)]})
            case "POST", "comment":
                return self._comment(issue, request.json().get("body"))
            case "GET", "transitions":
                offered = TRANSITIONS[issue.status]
                return Reply(200, {"transitions": [{"id": key, "name": name} for key, (name, _) in offered.items()]})
            case "POST", "transitions":
                return self._move(issue, request.json())
        return Reply(405, {})

    def _comment(self, issue: JiraIssue, body: Any) -> Reply:
        problem = self._text_problem(body)
        if problem:
            return _error(400, problem)
        issue.comments.append(body)
        return Reply(201, {"id": str(len(issue.comments))})

    def _move(self, issue: JiraIssue, body: Any) -> Reply:
        chosen = TRANSITIONS[issue.status].get(body.get("transition", {}).get("id"))
        if chosen is None:
            return _error(400, "It seems that you have tried to perform an illegal workflow operation.")
        self.close(issue, "Done") if chosen[1] == "Done" else self._open(issue, chosen[1])
        return Reply(204)

    def close(self, issue: JiraIssue, resolution: str) -> None:
        """Close an issue, as a person does."""
        issue.status, issue.resolution, issue.resolved_s = "Done", resolution, self.now()

    def _open(self, issue: JiraIssue, status: str) -> None:
        issue.status, issue.resolution, issue.resolved_s = status, "", None


def _error(status: int, message: str) -> Reply:
    return Reply(status, {"errorMessages": [message], "errors": {}})
