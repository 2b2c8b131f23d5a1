"""What ``baseline rollback`` does: find the one series, and ask detect for its older level."""

from __future__ import annotations

from integrations.kafka.settings_topic import publish_setting
from metrics_ai.config import Config
from metrics_ai.event_listing import clock_text, number_text
from metrics_ai.explain.checkpoint_states import checkpointed
from metrics_ai.explain.inspecting import UnknownSeriesError
from metrics_ai.explain.selecting import selected_by
from metrics_ai.explain.words import series_text
from models.audit import BASELINES_SUBJECT
from schemas.errors import ConfigurationError
from schemas.events import Setting


def roll_back(config: Config, selector: str, tenant: str | None = None) -> str:
    """Ask for the older level of the one series that matches, from its newest sample on; what was done, in words.

    Raises
    ------
    UnknownSeriesError
        If none matches, or no older level of it is kept.
    ConfigurationError
        If several match.
    BrokerError
        If the broker does not answer.
    """
    parts = checkpointed(config.kafka, config.detect, selected_by(selector, tenant))
    states = [state for part in parts for state in part.states()]
    if not states:
        raise UnknownSeriesError(f"the newest checkpoints hold no series {selector!r}", "Fewer labels find more")
    if len(states) > 1:
        raise ConfigurationError(
            f"{len(states)} series match {selector!r}", f"Name the labels of one: metrics-ai inspect '{selector}'"
        )
    one = states[0]
    if one.baseline.before is None or one.newest_ms is None:
        raise UnknownSeriesError(
            f"no older level of {series_text(one.metric, one.labels)} is kept",
            "One is kept for a week after a level shift that was accepted",
        )
    body = {"tenant": one.tenant, "series_id": one.series_id, "action": "rollback"}
    setting = Setting(subject=BASELINES_SUBJECT, valid_from_ms=one.newest_ms, body=body)
    publish_setting(config.kafka, setting, f"{BASELINES_SUBJECT}/{one.tenant}/{one.series_id}")
    level, at = number_text(one.baseline.before), clock_text(one.newest_ms)
    return f"{series_text(one.metric, one.labels)}: about {level} is normal again from {at} on"
