"""Jira, in the cloud and in a data center: one open issue for each dedup key.

An issue is looked for before one is made: by its key, where that is remembered, else by a label of the dedup key. So
an issue whose creation was taken although its answer never came is found again. A search may lag behind what was
written, so what is unsure is looked at again only after ``SETTLE_S``. Each comment ends with the id of its
notification, and one that is there is not written again.

=======================================  =========  ====================================================
what came                                outcome    source: https://developer.atlassian.com/cloud/jira
=======================================  =========  ====================================================
2xx                                      delivered
400 that names the priority              once more without it: the project's screen does not have it
400, other 4xx                           refused
401, 403                                 retry      credentials, or rights, that must be put right
404 of a remembered issue                searched   it was deleted or moved
429                                      retry      after ``Retry-After`` or ``X-RateLimit-Reset``
5xx, no answer                           retry
=======================================  =========  ====================================================
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from integrations.delivery.adapter import Memory, Outcome
from integrations.delivery.calling import Answer, Call, Caller, Surroundings, safely
from integrations.delivery.jira_issue import (
    FIELDS,
    STEPS,
    Issue,
    create_fields,
    footer_of,
    issue_of,
    key_label,
    newest,
    search_jql,
    standing,
    written,
)
from integrations.delivery.jira_settings import JiraSettings
from integrations.delivery.rates import Rate
from schemas.notification_events import Notification

SETTLE_S: Final = 15.0
# Far below what the cloud takes: https://developer.atlassian.com/cloud/jira/platform/rate-limiting/
RATE: Final = Rate(per_s=5.0, burst=10)
_FOUND_AT_MOST: Final = 50
# What we wrote comes back, at most three comments of it.
_READ_BYTES: Final = 1024 * 1024
_BAD_REQUEST, _NOT_FOUND = 400, 404


class _Stopped(Exception):  # noqa: N818 (no error: an attempt that ends early, with its outcome)
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


class Jira:
    """Tells a project.

    Parameters
    ----------
    settings
        Of the integration.
    surroundings
        Clients, rates and the time.
    """

    kind = "jira"
    settle_s = SETTLE_S

    def __init__(self, settings: JiraSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._now = surroundings.now
        self._caller = Caller(surroundings, settings.http_config, settings.timeout)

    async def deliver(self, notification: Notification, memory: Memory) -> Outcome:
        """Create, comment on, reopen or resolve the issue of the key."""
        return await safely(self._deliver(notification, memory))

    async def _deliver(self, notification: Notification, memory: Memory) -> Outcome:
        try:
            issue = await self._issue(notification, memory)
            now_s = self._now()
            is_firing = notification.status == "firing" or notification.action == "digest"
            match STEPS[standing(issue, self._settings, now_s), is_firing]:
                case "create":
                    return await self._create(notification)
                case "comment" if issue is not None:
                    return await self._comment(issue, notification)
                case "reopen" if issue is not None:
                    return await self._moved(issue, notification, self._settings.reopen_transition)
                case "resolve" if issue is not None:
                    return await self._moved(issue, notification, self._settings.resolve_transition)
            text = f"{issue.key} is {issue.status}, and left alone" if issue else "there is no issue to resolve"
            return Outcome("delivered", text=text, reference=_reference(issue) if issue else {})
        except _Stopped as stopped:
            return stopped.outcome

    async def _issue(self, notification: Notification, memory: Memory) -> Issue | None:
        remembered = memory.get("issue")
        if isinstance(remembered, str):
            answer = await self._call("GET", f"/issue/{quote(remembered, safe='')}?fields={','.join(FIELDS)}")
            if answer.status != _NOT_FOUND:
                self._go_on_if_ok(answer)
                found = issue_of(answer.mapping())
                if found is not None:
                    return found
        return await self._search(notification)

    async def _search(self, notification: Notification) -> Issue | None:
        jql = search_jql(self._settings.project, key_label(notification))
        body = {"jql": jql, "maxResults": _FOUND_AT_MOST, "fields": list(FIELDS)}
        answer = await self._call("POST", self._settings.search_url, body)
        self._go_on_if_ok(answer)
        issues = answer.mapping().get("issues")
        if not isinstance(issues, list):
            raise _Stopped(Outcome("retry", answer.status, f"no result of a search: {answer.said}"))
        return newest([one for one in map(issue_of, issues) if one is not None])

    async def _create(self, notification: Notification) -> Outcome:
        fields = create_fields(notification, self._settings)
        answer = await self._call("POST", "/issue", {"fields": fields})
        if answer.status == _BAD_REQUEST and "priority" in _errors(answer) and "priority" in fields:
            del fields["priority"]
            answer = await self._call("POST", "/issue", {"fields": fields})
        outcome = self._caller.outcome(answer)
        key = answer.mapping().get("key")
        if answer.is_ok and isinstance(key, str):
            return replace(outcome, reference={"issue": key})
        if answer.is_ok or (answer.status is None and answer.is_sent):
            # It may be there: the search finds it, once it is indexed.
            return Outcome("retry", answer.status, answer.failure or "no key in the answer", SETTLE_S)
        return outcome

    async def _comment(self, issue: Issue, notification: Notification) -> Outcome:
        done = Outcome("delivered", text=issue.key, reference=_reference(issue))
        if await self._is_written(issue, notification):
            return done
        body = {"body": written(notification, self._settings)}
        answer = await self._call("POST", f"/issue/{issue.key}/comment", body)
        if answer.status is None and answer.is_sent:
            return Outcome("retry", text=answer.failure, reference=_reference(issue))
        return self._caller.outcome(answer, reference=_reference(issue))

    async def _is_written(self, issue: Issue, notification: Notification) -> bool:
        """Whether this notification made the issue, or one of its newest comments."""
        paths = [f"/issue/{issue.key}/comment?orderBy=-created&maxResults=3"]
        if notification.action in {"open", "digest"}:
            paths.append(f"/issue/{issue.key}?fields=description")
        for path in paths:
            answer = await self._call("GET", path)
            self._go_on_if_ok(answer)
            if footer_of(notification).encode() in answer.body:
                return True
        return False

    async def _moved(self, issue: Issue, notification: Notification, transition: str) -> Outcome:
        # First what may be done twice, then the comment: a repeat finds the issue moved, and writes what is missing.
        problem = await self._transition(issue, transition) if transition else None
        outcome = await self._comment(issue, notification)
        return problem if problem is not None and outcome.is_delivered else outcome

    async def _transition(self, issue: Issue, name: str) -> Outcome | None:
        path = f"/issue/{issue.key}/transitions"
        answer = await self._call("GET", path)
        self._go_on_if_ok(answer)
        offered = answer.mapping().get("transitions")
        known = {str(one.get("name")): one.get("id") for one in offered or () if isinstance(one, dict)}
        chosen = next((known[one] for one in known if one.casefold() == name.casefold()), None)
        if chosen is None:
            text = f"{issue.key} is {issue.status} and has no transition {name}, but {', '.join(known) or 'none'}"
            return Outcome("refused", answer.status, text, reference=_reference(issue))
        self._go_on_if_ok(await self._call("POST", path, {"transition": {"id": chosen}}))
        return None

    def _go_on_if_ok(self, answer: Answer) -> None:
        if not answer.is_ok:
            raise _Stopped(self._caller.outcome(answer))

    async def _call(self, method: str, path: str, body: Any = None) -> Answer:
        url = path if path.startswith("http") else self._settings.base_url + path
        limit = (f"jira/{self._settings.base_url}", RATE)
        return await self._caller.call(Call(url, body, method, limit=limit, most_bytes=_READ_BYTES))


def _reference(issue: Issue) -> dict[str, Any]:
    return {"issue": issue.key}


def _errors(answer: Answer) -> dict[str, Any]:
    found = answer.mapping().get("errors")
    return found if isinstance(found, dict) else {}
