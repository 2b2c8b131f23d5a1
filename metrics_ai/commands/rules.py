"""``metrics-ai rules``: which alerts are how urgent, checked, tried, listed and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_ai.commands.explain import TenantOption
from metrics_ai.commands.options import ConfigOption, JsonOption, configured, examples

if TYPE_CHECKING:
    from incidents.rules.library import RuleLibrary

app = typer.Typer(no_args_is_help=True, help="Alert rules: how urgent an alert is, and whether users notice.")

FromOption = Annotated[
    list[Path] | None,
    typer.Option("--from", metavar="PATH", help="Rules in a file or folder, instead of the configured ones."),
]


@app.command(epilog=examples("metrics-ai rules lint shop.yaml", "metrics-ai rules lint rules/ --json"))
def lint(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE_OR_FOLDER...", help="Alert rules; of a folder all *.yaml in it.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Name every line of alert rules that cannot hold, and rules that can never speak.

    Exit status 1 if there is one, 2 if a path is none.
    """
    from metrics_ai.rule_files import rule_library_of_paths
    from metrics_ai.slo_listing import problem_rows, tell

    found = rule_library_of_paths(paths)
    if as_json:
        names = [one.rule.name for one in found.placed]
        typer.echo(json.dumps({"rules": names, "problems": problem_rows(found.problems)}))
    else:
        shadowed = {one.where for one in found.problems}
        for one in found.placed:
            if one.place not in shadowed:
                typer.echo(f"{one.place}: {one.rule.name}: fine")
        tell(found.problems)
    raise typer.Exit(1 if found.problems else 0)


@app.command(
    "test", epilog=examples("metrics-ai rules test shop.test.yaml", "metrics-ai rules test *.test.yaml --json")
)
def try_(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of tests.")],
    as_json: JsonOption = False,
) -> None:
    """Run tests of alert rules: what comes of states of episodes, and where that is not what was expected.

    Exit status 1 if one fails, 2 if a file cannot be read.
    """
    from incidents.rules.trying import try_rules
    from metrics_ai.rule_files import rules_and_trials
    from metrics_ai.rule_listing import print_results, result_rows
    from metrics_ai.slo_listing import problem_rows, tell

    problems, results = [], []
    for path in paths:
        book, files, wrong = rules_and_trials(path)
        problems += wrong
        results += [result for one in files for result in try_rules(book, one.trials)]
    if as_json:
        typer.echo(json.dumps({"tests": result_rows(results), "problems": problem_rows(tuple(problems))}))
    else:
        print_results(results)
        tell(tuple(problems))
    raise typer.Exit(0 if not problems and all(one.passed for one in results) else 1)


@app.command("list", epilog=examples("metrics-ai rules list", "metrics-ai rules list --from rules/ --json | jq .name"))
def list_(
    config: ConfigOption = None, source: FromOption = None, tenant: TenantOption = None, as_json: JsonOption = False
) -> None:
    """List the alert rules in the order in which they are asked: the first that holds speaks.

    With --json one object a line. Exit status 1 if a file was refused.
    """
    from metrics_ai.rule_listing import described, print_rules
    from metrics_ai.slo_listing import tell

    found = library_from(config, source)
    shown = [one for one in found.placed if tenant is None or one.rule.tenant in (None, tenant)]
    if as_json:
        for one in shown:
            typer.echo(json.dumps(described(one)))
    else:
        print_rules(shown)
    tell(found.problems)
    raise typer.Exit(1 if found.problems else 0)


@app.command(epilog=examples("metrics-ai rules show latency_above_usual", "metrics-ai rules show slo_alert --json"))
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.")],
    config: ConfigOption = None,
    source: FromOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an alert rule in words: what it is about, what must hold, what follows. Exit status 1 if there is none."""
    from metrics_ai.rule_listing import chosen_rule, described, print_rule
    from metrics_ai.slo_listing import tell

    found = library_from(config, source)
    tell(found.problems)
    one = chosen_rule(found, name, tenant)
    if as_json:
        typer.echo(json.dumps(described(one)))
    else:
        print_rule(one)


def library_from(config: Path | None, source: list[Path] | None) -> RuleLibrary:
    """The alert rules of some files, else those of the configuration."""
    from metrics_ai.rule_files import rule_library, rule_library_of_paths

    return rule_library_of_paths(source) if source else rule_library(configured(config).rules)
