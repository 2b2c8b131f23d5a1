"""How much an alert matters, and how urgent it is once what people said of its rule is heard."""

from __future__ import annotations

from incidents.accuracy import AccuracyBook, Pair, judged_by, pair_of
from incidents.dispatch.book import DispatchBook
from incidents.dispatch.subjects import Subject
from incidents.finding import PRIORITY_RANK
from incidents.scoring import demoted, score_of
from schemas.events import Priority
from schemas.incident_events import Alert
from schemas.slo_events import Feedback


class Weighing:
    """Scores alerts, and makes those less urgent whose rule is so often wrong.

    Parameters
    ----------
    book
        What is known.
    accuracy
        What was said of alerts.
    """

    def __init__(self, book: DispatchBook, accuracy: AccuracyBook) -> None:
        self._book = book
        self._accuracy = accuracy
        self._poor: set[Pair] = set()

    def restore(self) -> None:
        """Know whose rule is so often wrong, after a restart."""
        for pair in self._accuracy.pairs():
            self._look(pair)

    def _look(self, pair: Pair) -> None:
        accuracy = self._accuracy.accuracy(pair)
        if accuracy is not None and accuracy.is_poor:
            self._poor.add(pair)
        else:
            self._poor.discard(pair)

    def hear(self, feedback: Feedback, now_ms: int) -> Subject | None:
        """Take in what somebody said; gives the alert back, if it is known."""
        subject = self._book.subjects.get(f"{feedback.tenant}/{feedback.alert_id}")
        judged = judged_by(feedback, None if subject is None else subject.alert)
        if judged is None or not self._accuracy.put(judged):
            return None
        self._look(judged.pair)
        if subject is None:
            return None
        note = f": {feedback.note}" if feedback.note else ""
        who = feedback.by or "somebody"
        subject.decide(now_ms, "score", feedback.verdict, f"{who} calls it {feedback.verdict}{note}", "feedback")
        return subject

    def own(self, alert: Alert) -> Priority:
        """How urgent an alert is by itself."""
        if not self._poor or pair_of(alert) not in self._poor:
            return alert.priority
        return demoted(alert.priority, self._accuracy.accuracy(pair_of(alert)), safety=alert.safety)

    def weigh(self, subject: Subject, now_ms: int) -> None:
        """Work out how urgent an alert is, as part of its incident, and how much it matters."""
        own = self.own(subject.alert)
        if own != subject.alert.priority:
            rule = subject.alert.rule or subject.alert.labels.get("alertname", "")
            text = f"{rule} was wrong so often of late: {subject.alert.priority} counts as {own}"
            subject.decide(now_ms, "priority", own, text, rule)
        subject.priority = min(own, self._of_incident(subject, own), key=PRIORITY_RANK.__getitem__)
        found = score_of(subject.alert, None, self._accuracy.accuracy(pair_of(subject.alert)))
        subject.score, subject.score_parts = found.value, list(found.parts)

    def _of_incident(self, subject: Subject, own: Priority) -> Priority:
        """That of its incident; where a member's rule is often wrong, of its members as they count here."""
        incident = self._book.incident_of(subject)
        if incident is None or incident.state == "merged":
            return own
        if not self._poor:
            return incident.priority
        members = self._book.members_of(incident)
        if not any(self.own(one.alert) != one.alert.priority for one in members):
            return incident.priority
        return min((self.own(one.alert) for one in members), key=PRIORITY_RANK.__getitem__, default=incident.priority)
