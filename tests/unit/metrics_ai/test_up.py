"""What `up` refuses before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.routing.settings import RoutingSettings
from metrics_ai.config import Config
from metrics_ai.stack.stack import StackOptions
from metrics_ai.stack.up import run_up
from schemas.errors import ConfigurationError


def test_routes_that_do_not_hold_are_refused_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "alerting.yaml"
    file.write_text("route: {receiver: pgaer}\nreceivers: [{name: pager, log_configs: [{}]}]\n")
    data = tmp_path / "data"
    with pytest.raises(ConfigurationError, match="there is no receiver 'pgaer'"):
        run_up(Config(routing=RoutingSettings(file=file)), StackOptions(data, broker_port=0, port=0))
    assert not data.exists()
