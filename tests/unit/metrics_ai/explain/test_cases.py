"""What an id means, and what belongs to it."""

from __future__ import annotations

import pytest

from metrics_ai.explain.cases import (
    AlertCase,
    AnomalyCase,
    Events,
    IncidentCase,
    UnknownIdError,
    case_of,
    matches_of,
)
from schemas.errors import ConfigurationError
from schemas.events import Anomaly
from schemas.incident_events import Alert, Incident
from schemas.topics import ALERTS, ANOMALIES, INCIDENTS

INCIDENT, ALERT, ANOMALY = "fc8e6198cabc9d143007", "4fc2dfbe79ec70d3-1790053200000", "8a6c05604ddb4a96d61c"


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [(INCIDENT[:6], "incident"), (INCIDENT, "incident"), (ALERT[:8], "alert"), (ANOMALY[:6], "anomaly")],
)
def test_the_beginning_of_an_id_is_enough(events: Events, wanted: str, kind: str) -> None:
    (match,) = matches_of(events, wanted)
    assert match.kind == kind


def test_less_than_six_characters_are_refused(events: Events) -> None:
    with pytest.raises(ConfigurationError, match="too short"):
        matches_of(events, INCIDENT[:5])


def test_an_id_that_nothing_has_is_said(events: Events) -> None:
    with pytest.raises(UnknownIdError, match="no anomaly, alert or incident has an id that begins with 'ffffff'"):
        matches_of(events, "ffffff")


def test_an_anomaly_is_all_its_states_and_a_repeat_counts_once(events: Events) -> None:
    events[ANOMALIES.name] = [*events[ANOMALIES.name], *events[ANOMALIES.name]]
    case = case_of(events, *matches_of(events, ANOMALY))
    assert isinstance(case, AnomalyCase)
    assert [one.state for one in case.states] == ["start", "end"]
    assert (case.latest.state, case.worst.state) == ("end", "start")


def test_an_alert_brings_its_anomaly(events: Events) -> None:
    case = case_of(events, *matches_of(events, ALERT))
    assert isinstance(case, AlertCase)
    assert case.alert.state == "resolved"
    assert case.anomaly is not None
    assert case.anomaly.latest.id == ANOMALY


def test_an_alert_whose_anomaly_is_gone_stands_alone(events: Events) -> None:
    del events[ANOMALIES.name]
    case = case_of(events, *matches_of(events, ALERT))
    assert isinstance(case, AlertCase)
    assert case.anomaly is None


def test_an_incident_brings_alerts_anomalies_and_its_timeline(events: Events) -> None:
    case = case_of(events, *matches_of(events, INCIDENT))
    assert isinstance(case, IncidentCase)
    ((member, alert),) = case.members
    assert alert is not None
    assert alert.anomaly is not None
    assert (member.alert_id, alert.alert.id, alert.anomaly.latest.id) == (ALERT, ALERT, ANOMALY)
    assert [one.kind for one in case.timeline] == ["opened", "resolved"]
    assert case.incident.state == "resolved"


def test_a_merged_incident_leads_to_its_survivor(events: Events) -> None:
    survivor = events[INCIDENTS.name][-1]
    assert isinstance(survivor, Incident)
    merged = survivor.model_copy(update={"id": "abcdef0123456789abcd", "state": "merged", "merged_into": survivor.id})
    events[INCIDENTS.name] = [merged, survivor.model_copy(update={"aliases": [merged.id]})]
    case = case_of(events, *matches_of(events, "abcdef"))
    assert isinstance(case, IncidentCase)
    assert (case.incident.id, list(case.merged)) == (survivor.id, [merged.id, survivor.id])


def test_several_ids_of_one_beginning_are_all_found_and_a_whole_id_comes_alone(events: Events) -> None:
    alert = events[ALERTS.name][-1]
    assert isinstance(alert, Alert)
    later = alert.model_copy(update={"id": ALERT + "7"})
    events[ALERTS.name] = [alert, later]
    assert [one.newest.id for one in matches_of(events, ALERT[:10])] == [ALERT, ALERT + "7"]
    assert [one.newest.id for one in matches_of(events, ALERT)] == [ALERT]


def test_a_tenant_tells_equal_ids_apart(events: Events) -> None:
    anomaly = events[ANOMALIES.name][0]
    assert isinstance(anomaly, Anomaly)
    events[ANOMALIES.name] = [anomaly, anomaly.model_copy(update={"tenant": "other"})]
    assert len(matches_of(events, ANOMALY)) == 2
    (match,) = matches_of(events, ANOMALY, tenant="other")
    assert match.newest.tenant == "other"
