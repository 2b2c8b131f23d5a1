"""Links that messages carry lead to the page of the API, for the first alert, signed by the configured secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from console.settings import ConsoleSettings
from integrations.feedback_links import read
from metrics_ai.links import feedback_link, link_secret
from schemas.errors import ConfigurationError
from schemas.notification_events import Notification, NotifiedAlert

AT_MS = 1_795_446_000_000


def notification(*alert_ids: str) -> Notification:
    shared: dict[str, Any] = {"fingerprint": "f", "state": "firing", "labels": {}, "priority": "P1"}
    alerts = [NotifiedAlert(alert_id=one, severity="critical", started_ms=AT_MS, **shared) for one in alert_ids]
    fields: dict[str, Any] = {"receiver": "r", "integration": "slack[0]", "action": "open", "dedup_key": "k"}
    fields |= {"sequence": 1, "group_key": "g", "status": "firing", "reason": "new", "title": "t"}
    return Notification(id="n", tenant="shop", at_ms=AT_MS, priority="P1", severity="critical", alerts=alerts, **fields)


def test_a_link_says_what_it_is_for_and_reads_back() -> None:
    make = feedback_link(ConsoleSettings(link_secret=SecretStr("s3cret"), external_url="https://m.example.org/"))
    assert make is not None
    address = make(notification("a1", "a2"), "false")
    assert address is not None
    said = read(address.removeprefix("https://m.example.org/feedback/"), "s3cret", AT_MS)
    assert (said.tenant, said.alert_id, said.verdict) == ("shop", "a1", "false")
    assert make(notification(), "false") is None


def test_without_an_address_or_a_secret_there_is_no_link() -> None:
    assert feedback_link(ConsoleSettings(link_secret=SecretStr("s3cret"))) is None
    assert feedback_link(ConsoleSettings(external_url="https://m.example.org")) is None


def test_the_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    assert link_secret(ConsoleSettings(link_secret_file=tmp_path / "secret")) == "s3cret"
    with pytest.raises(ConfigurationError, match=r"console\.link_secret_file"):
        link_secret(ConsoleSettings(link_secret_file=tmp_path / "none"))
