"""How an alert's own news changes how it stands: it begins, ends, is given up, or does all that too often."""

from __future__ import annotations

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.fatigue import is_restless
from incidents.dispatch.standing import Turn
from incidents.dispatch.subjects import Subject
from incidents.routing.settings import FatigueSettings
from schemas.incident_events import Alert, Incident

_GIVEN_UP = "expired"
"""The annotation of an alert that nobody spoke of for long."""


def let_turn(book: DispatchBook, fatigue: FatigueSettings, subject: Subject, alert: Alert, now_ms: int) -> None:
    """Let a newer state of an alert change how it stands; while it flaps, nothing does."""
    if alert.state == subject.alert.state:
        return
    before, subject.alert = subject.alert, alert
    note_change(book, fatigue, subject, now_ms)
    subject.alert = before
    if alert.state == "firing":
        subject.turn(now_ms, Turn.FIRED)
    elif subject.standing != "flapping":
        subject.turn(now_ms, Turn.GIVEN_UP if _GIVEN_UP in alert.annotations else Turn.ENDED)


def note_change(book: DispatchBook, fatigue: FatigueSettings, subject: Subject, now_ms: int) -> None:
    """Take note that an alert began or ended; one that does so too often, in all its episodes, flaps."""
    episodes = book.episodes(subject.flap_key)
    times = [at_ms for one in episodes for at_ms in (one.alert.started_ms, one.alert.ended_ms) if at_ms is not None]
    flaps = subject.flap_key in book.flaps
    if not flaps and not is_restless(times, now_ms, fatigue.flap_changes, round(fatigue.flap_window_s * 1000)):
        return
    book.set("flap", subject.flap_key, now_ms)
    if subject.turn(now_ms, Turn.RESTLESS):
        text = f"it began or ended {fatigue.flap_changes} times of late: it counts as firing until it settles"
        subject.decide(now_ms, "flapping", "held", text)


def pass_on_care(book: DispatchBook, incident: Incident, known: Incident | None, now_ms: int) -> list[Subject]:
    """Let the alerts of an incident that somebody looks after be looked after, and no longer when that is taken back.

    Alerts that come later are new: nobody has seen them. Gives back those that changed.
    """
    care, was = incident.acknowledged, None if known is None else known.acknowledged
    changed = []
    for subject in book.members_of(incident):
        if care is not None and subject.acknowledged is None and subject.alert.state == "firing":
            subject.acknowledged = care
            subject.turn(now_ms, Turn.ACKNOWLEDGED)
            text = f"{care.by or 'somebody'} looks after the incident" + (f": {care.note}" if care.note else "")
            subject.decide(now_ms, "acknowledgement", "acknowledged", text)
        elif care is None and was is not None and subject.acknowledged == was:
            subject.acknowledged = None
            subject.turn(now_ms, Turn.TAKEN_BACK)
            subject.decide(now_ms, "acknowledgement", "taken back", "nobody looks after the incident any more")
        else:
            continue
        book.touch_subject(subject)
        changed.append(subject)
    return changed


def is_older(alert: Alert, known: Alert) -> bool:
    """Whether a state is one that was passed already: it comes again."""
    if alert.updated_ms != known.updated_ms:
        return alert.updated_ms < known.updated_ms
    return known.state == "resolved" and alert.state == "firing" and _GIVEN_UP not in known.annotations
