"""``metrics-ai incidents mttr``, ``metrics-ai alerts accuracy`` and ``alerts report``: how well it goes."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.options import ConfigOption, JsonOption, configured

SinceOption = Annotated[
    str, typer.Option("--since", metavar="AGE|TIME", help="What began since: 12h, 28d or RFC 3339.")
]
UntilOption = Annotated[str, typer.Option("--until", metavar="AGE|TIME", help="And before.", show_default="now")]
TenantOption = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Whose.", show_default="tenant")]
_FOUR_WEEKS = "28d"


class IncidentGroupName(StrEnum):
    """What incidents are grouped by."""

    all = "all"
    route = "route"
    team = "team"
    rule = "rule"
    service = "service"
    cause = "cause"


class AlertGroupName(StrEnum):
    """What alerts are grouped by."""

    rule = "rule"
    team = "team"
    all = "all"


class HealthReportFormat(StrEnum):
    """What a report is written as."""

    md = "md"
    html = "html"
    json = "json"


def mttr(
    by: Annotated[IncidentGroupName, typer.Option("--by", help="Route is the receiver that was told.")] = (
        IncidentGroupName.all
    ),
    since: SinceOption = _FOUR_WEEKS,
    until: UntilOption = "",
    tenant: TenantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how long incidents take to be detected, acknowledged, mitigated and resolved, from the records.

    The median with its 95 % interval, what nine tenths did not exceed, the mean, and of how many.
    """
    from metrics_ai.alert_health import records_of, span_of
    from metrics_ai.alert_health.wording import REPAIR_HEAD, repair_row
    from metrics_ai.health_printing import print_groups

    settings, span = configured(config), span_of(since, until)
    with records_of(settings) as records:
        found = records.mttr(tenant or settings.tenant, by.value, *span)
    if as_json:
        typer.echo(json.dumps({"since_ms": span[0], "until_ms": span[1], "groups": [asdict(one) for one in found]}))
    else:
        print_groups((by.value, *REPAIR_HEAD[1:]), map(repair_row, found), "no incidents")


def accuracy(
    by: Annotated[AlertGroupName, typer.Option("--by", help="What alerts are grouped by.")] = AlertGroupName.rule,
    since: SinceOption = _FOUR_WEEKS,
    until: UntilOption = "",
    tenant: TenantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many alerts needed action, were false or said before, of those that people judged, from the records.

    Each share with its 95 % interval and how many it rests on.
    """
    from metrics_ai.alert_health import records_of, span_of
    from metrics_ai.alert_health.wording import ACCURACY_HEAD, accuracy_row
    from metrics_ai.health_printing import print_groups

    settings, span = configured(config), span_of(since, until)
    with records_of(settings) as records:
        found = records.accuracy(tenant or settings.tenant, by.value, *span)
    if as_json:
        typer.echo(json.dumps({"since_ms": span[0], "until_ms": span[1], "groups": [asdict(one) for one in found]}))
    else:
        print_groups((by.value, *ACCURACY_HEAD[1:]), map(accuracy_row, found), "no alerts")


def report(
    form: Annotated[
        HealthReportFormat | None,
        typer.Option("--format", help="md, html or json.", show_default="by the suffix of --out, else md"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here.")] = None,
    since: SinceOption = _FOUR_WEEKS,
    until: UntilOption = "",
    tenant: TenantOption = None,
    config: ConfigOption = None,
) -> None:
    """Report on alerts and incidents: volume by day and shift, accuracy by week, rule and team, repair times."""
    from metrics_ai.alert_health import AlertHealth, gathered, records_of, span_of
    from metrics_ai.alert_health.rendering import markdown_of, page_of
    from metrics_ai.incident_reports import form_of, write

    written = form_of(form.value if form else None, out)
    settings, span = configured(config), span_of(since, until)
    with records_of(settings) as records:
        health = gathered(records, tenant or settings.tenant, span, settings.records.shift_starts_h)
    writers = {"md": markdown_of, "html": page_of, "json": AlertHealth.to_json}
    write(writers[written](health), out)
