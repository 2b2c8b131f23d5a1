"""``metrics-ai incidents`` and ``metrics-ai alerts``: what the topics say."""

from __future__ import annotations

from typing import Annotated

import typer

from metrics_ai.commands.options import BrokerOption, ConfigOption, JsonOption, configured

FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on: print what changes, until Ctrl-C.")]
SinceOption = Annotated[
    str, typer.Option("--since", metavar="AGE|TIME", help="Only what was updated since: 90s, 15m, 2h, 3d or RFC 3339.")
]


def incidents(
    config: ConfigOption = None,
    broker: BrokerOption = None,
    follow: FollowOption = False,
    since: SinceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the incidents, the newest state of each; with --json one object a line, as on the topic."""
    from metrics_ai.event_listing import list_incidents, parse_since

    settings = configured(config, broker)
    list_incidents(settings.kafka, parse_since(since), as_json=as_json, follow=follow)


def alerts(
    config: ConfigOption = None,
    broker: BrokerOption = None,
    follow: FollowOption = False,
    since: SinceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the alerts, the newest state of each episode; with --json one object a line, as on the topic."""
    from metrics_ai.event_listing import list_alerts, parse_since

    settings = configured(config, broker)
    list_alerts(settings.kafka, parse_since(since), as_json=as_json, follow=follow)
