"""``metrics-ai slo``: service level objectives, checked, listed, explained and written for other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_ai.commands.events import FollowOption
from metrics_ai.commands.explain import TenantOption
from metrics_ai.commands.options import BrokerOption, ConfigOption, JsonOption, configured, examples

if TYPE_CHECKING:
    from slo.library import Library

app = typer.Typer(no_args_is_help=True, help="Service level objectives: definitions in OpenSLO v1.")

FileOption = Annotated[
    list[Path] | None,
    typer.Option("--file", metavar="PATH", help="Definitions in a file or folder, instead of the configured ones."),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its name, or TENANT/NAME.")]


@app.command(epilog=examples("metrics-ai slo validate checkout.yaml", "metrics-ai slo validate slos/ --json"))
def validate(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE_OR_FOLDER...", help="Definitions; of a folder all *.yaml in it.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name every line of SLO definitions that cannot hold; exit status 1 if there is one, 2 if a path is none.

    Folders in a folder are tenants. Files may refer to each other.
    """
    from metrics_ai.slo_files import files_of
    from metrics_ai.slo_listing import problem_rows, tell
    from slo.library import Library, reload

    library = reload(Library(), files_of(paths, configured(config).tenant))
    if as_json:
        typer.echo(json.dumps({"slos": list(library.defined), "problems": problem_rows(library.problems)}))
    else:
        for key, one in library.defined.items():
            typer.echo(f"{one.place}: {key}: fine")
        tell(library.problems)
    raise typer.Exit(1 if library.problems else 0)


@app.command(
    "list",
    epilog=examples(
        "metrics-ai slo list", "metrics-ai slo list --file slos/", "metrics-ai slo list --json | jq .budgets_min"
    ),
)
def list_(
    config: ConfigOption = None,
    source: FileOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the SLOs that hold; with --json one object a line. Exit status 1 if a file was refused."""
    from metrics_ai.slo_listing import described, print_list, tell

    library = library_from(config, source)
    shown = {key: one for key, one in library.defined.items() if tenant in (None, one.slo.tenant)}
    if as_json:
        for one in shown.values():
            typer.echo(json.dumps(described(one)))
    else:
        print_list(shown)
    tell(library.problems)
    raise typer.Exit(1 if library.problems else 0)


@app.command(epilog=examples("metrics-ai slo show disk-availability", "metrics-ai slo show checkout --file slos/"))
def show(
    name: NameArgument,
    config: ConfigOption = None,
    source: FileOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an SLO in words: its budget by window, the tiers of its burn rate, how soon an outage pages.

    Exit status 1 if there is no such SLO; 2 if several tenants have one.
    """
    from metrics_ai.slo_listing import chosen, described, print_slo

    one = chosen(library_from(config, source), name, tenant)
    if as_json:
        typer.echo(json.dumps(described(one)))
    else:
        print_slo(one)


@app.command(
    epilog=examples(
        "metrics-ai slo status", "metrics-ai slo status checkout", "metrics-ai slo status --json | jq .budgets"
    )
)
def status(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only this one, in detail: its name, or TENANT/NAME.")
    ] = None,
    config: ConfigOption = None,
    broker: BrokerOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    follow: FollowOption = False,
) -> None:
    """Show where SLOs stand in a running system: what is left of the budget, how it burns, how long it lasts.

    With --json one object a line. Exit status 1 if there is no such SLO.
    """
    from metrics_ai.slo_status_listing import list_status

    list_status(configured(config, broker).kafka, name, tenant, as_json=as_json, follow=follow)


@app.command(
    epilog=examples(
        "metrics-ai slo export checkout --prometheus-rules --out rules/checkout.yaml",
        "metrics-ai slo export disk-availability --openslo",
    )
)
def export(
    name: NameArgument,
    openslo: Annotated[bool, typer.Option("--openslo", help="As OpenSLO v1, which reads back the same.")] = False,
    rules: Annotated[
        bool, typer.Option("--prometheus-rules", help="As recording rules and alerts of Prometheus.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here.")] = None,
    config: ConfigOption = None,
    source: FileOption = None,
    tenant: TenantOption = None,
) -> None:
    """Write an SLO for other tools. Exit status 2 if the other tool has no words for it; the reason is said."""
    from metrics_ai.slo_listing import chosen
    from schemas.errors import ConfigurationError, MachineError
    from slo.export import to_openslo, to_prometheus_rules

    if openslo == rules:
        raise ConfigurationError("one form is wanted", "Give either --openslo or --prometheus-rules")
    slo = chosen(library_from(config, source), name, tenant).slo
    text = to_openslo(slo) if openslo else to_prometheus_rules(slo)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MachineError(f"{out} cannot be written ({error.strerror})", "Choose another file") from error


def library_from(config: Path | None, source: list[Path] | None) -> Library:
    """The SLOs of some files, else those of the configuration."""
    from metrics_ai.slo_files import files_of, library_of
    from slo.library import Library, reload

    settings = configured(config)
    if not source:
        return library_of(settings)
    return reload(Library(), files_of(source, settings.tenant))
