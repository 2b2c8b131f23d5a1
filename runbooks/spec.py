"""What a runbook says: whom it is for, what to look at, what to do at which risk, and whom to call."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from models.rules import matchers_of

Risk = Literal["low", "medium", "high"]
RISKS: Final[tuple[Risk, ...]] = get_args(Risk)
ID: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LINK: Final = re.compile(r"https?://[^\s/]+(/\S*)?")
LONGEST_TITLE: Final = 100


def checked_matcher(text: str) -> str:
    """A matcher of alert labels.

    Raises
    ------
    ValueError
        If it is none, or asks for a series' name.

    Examples
    --------
    >>> checked_matcher('{alertname="oom_kill"}')
    '{alertname="oom_kill"}'
    """
    if any(one.label == "__name__" for one in matchers_of(text)):
        raise ValueError('an alert has no __name__: its metric stands in {metric="..."}')
    return text


Matcher = Annotated[str, AfterValidator(checked_matcher)]
"""Conditions on labels in PromQL's syntax, all of which must hold; ``{}`` holds of every alert."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(_Part):
    """A question that a command answers."""

    look: Annotated[str, Field(min_length=1, description="What to look at.")]
    command: Annotated[str, Field(min_length=1, description="What to type; it changes nothing.")]
    if_yes: Annotated[str, Field(min_length=1, description="What tells that this is it, and where to go on.")]
    if_no: Annotated[str, Field(min_length=1, description="What tells that it is not, and where to go on.")]


class Step(_Part):
    """Something to do; either it can be undone, or it says what is lost."""

    do: Annotated[str, Field(min_length=1)]
    commands: tuple[str, ...] = ()
    risk: Risk
    undo: Annotated[str, Field(description="How it is undone.")] = ""
    irreversible: Annotated[str, Field(description="Why it cannot be undone: what is lost.")] = ""

    @model_validator(mode="after")
    def _says_whether_it_can_be_undone(self) -> Self:
        if bool(self.undo) == bool(self.irreversible):
            raise ValueError("a step has either undo or irreversible")
        return self


class Escalation(_Part):
    """When to call somebody else, and whom."""

    when: Annotated[str, Field(min_length=1)]
    to: Annotated[str, Field(min_length=1)]


class Runbook(_Part):
    """Text for who was woken up; nothing of it is executed.

    Examples
    --------
    >>> step = Step(do="Start it again", commands=("systemctl restart shop",), risk="low", undo="Nothing to undo")
    >>> Runbook(id="shop", title="The shop is down", mends="A shop that hangs.", matchers=('{service="shop"}',),
    ...         steps=(step,), escalate=(Escalation(when="it hangs again", to="the shop's team"),)).id
    'shop'
    """

    id: Annotated[str, Field(pattern=rf"^{ID.pattern}$")]
    title: Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE)]
    mends: Annotated[str, Field(min_length=1, description="In one sentence.")]
    matchers: Annotated[tuple[Matcher, ...], Field(min_length=1, description="One that holds suffices.")]
    unless: Annotated[tuple[Matcher, ...], Field(description="One that holds rules it out.")] = ()
    checks: tuple[Check, ...] = ()
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    escalate: Annotated[tuple[Escalation, ...], Field(min_length=1)]
    sources: Annotated[tuple[str, ...], Field(description="Links to public documentation.")] = ()
