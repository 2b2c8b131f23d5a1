"""Which integrations draw changes is known to the stage that routes, beside no secret."""

from __future__ import annotations

import json

import pytest

from incidents.routing.config import RoutingConfig
from incidents.routing.reading import routing_from
from schemas.errors import ConfigurationError

CHANGES = """
route: {receiver: page}
receivers:
- name: page
  pagerduty_configs:
  - {routing_key: secret, send_changes: true}
  - {routing_key: other}
"""


def test_who_draws_changes_is_told_to_the_stage_that_routes() -> None:
    config = routing_from(CHANGES, "routes.yaml")
    drawing, plain = RoutingConfig.from_public(json.loads(json.dumps(config.public()))).receivers["page"].integrations
    assert (drawing.send_changes, plain.send_changes) == (True, False)
    assert "send_changes" not in config.receivers["page"].integrations[0].settings


def test_a_setting_of_an_older_release_draws_no_changes() -> None:
    body = routing_from(CHANGES, "routes.yaml").public()
    for one in body["receivers"][0]["integrations"]:
        del one["send_changes"]
    assert not any(one.send_changes for one in RoutingConfig.from_public(body).receivers["page"].integrations)


def test_what_is_neither_true_nor_false_is_refused_with_its_line() -> None:
    with pytest.raises(ConfigurationError, match=r"routes\.yaml:6"):
        routing_from(CHANGES.replace("send_changes: true", "send_changes: often"), "routes.yaml")
