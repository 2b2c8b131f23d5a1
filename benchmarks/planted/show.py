"""The numbers as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Numbers = Mapping[str, float | int | str]


def groups(numbers: Numbers, part: str, last: str) -> Iterator[tuple[str, Numbers]]:
    """What belongs together: the keys between a part's name and a name that each group has."""
    for key in numbers:
        if key.startswith(f"{part}_") and key.endswith(f"_{last}"):
            prefix = key.removesuffix(last)
            yield (
                prefix.removeprefix(f"{part}_").rstrip("_"),
                {name.removeprefix(prefix): value for name, value in numbers.items() if name.startswith(prefix)},
            )


def _percent(group: Numbers, name: str) -> str:
    if name not in group:
        return "-"
    low, high = float(group[f"{name}_low"]), float(group[f"{name}_high"])
    return f"{100 * float(group[name]):.1f} % ({100 * low:.1f}-{100 * high:.1f})"


def seconds(value: float | str | None) -> str:
    """For people.

    Examples
    --------
    >>> seconds(45.0), seconds(900), seconds(129600.0), seconds(None)
    ('45 s', '15 min', '36 h', '-')
    """
    if value is None:
        return "-"
    value = float(value)
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.0f} h"


def _goal(group: Numbers) -> str:
    if "goal" not in group:
        return ""
    return f">= {100 * float(group['goal']):.0f} %" + ("" if group["met"] else " MISSED")


def _cases(numbers: Numbers) -> Iterator[str]:
    yield f"{'row':4} {'case':44} {'within':>8} {'found, or quiet':>26} {'goal':14} {'chance':>7} {'median delay':>13}"
    for _, group in groups(numbers, "case", "what"):
        share = _percent(group, "found" if "found" in group else "quiet")
        chance = f"{100 * float(group['by_chance']):.1f} %" if "by_chance" in group else ""
        yield (
            f"{group['row']:4} {str(group['what'])[:44]:44} {seconds(group.get('within_s')):>8} {share:>26} "
            f"{_goal(group):14} {chance:>7} {seconds(group.get('delay_s')):>13}"
        )


def _quiet(numbers: Numbers) -> Iterator[str]:
    yield f"{'noise':20} {'series-days':>11} {'a series and 30 d (95 %)':>28} {'settling':>9}  kinds"
    for name, group in groups(numbers, "quiet", "series_days"):
        rate = f"{float(group['per_30d']):.2f} ({group['per_30d_low']:.2f}-{group['per_30d_high']:.2f})"
        kinds = ", ".join(f"{key[5:]} {value}" for key, value in group.items() if key.startswith("kind_"))
        settling = float(group["settling_per_series"])
        yield f"{name:20} {float(group['series_days']):>11,.0f} {rate:>28} {settling:>9.2f}  {kinds}"


def _peers(numbers: Numbers) -> Iterator[str]:
    yield (
        f"{'program':24} {'recall':>22} {'precision':>10} {'false a day':>12} {'at our recall':>14} "
        f"{'delay':>8} {'us/sample':>10}"
    )
    for name, group in groups(numbers, "peer", "precision"):
        matched = group.get("false_at_our_recall")
        yield (
            f"{name:24} {_percent(group, 'recall'):>22} {100 * float(group['precision']):>8.1f} % "
            f"{float(group['false_per_series_day']):>12.3f} "
            f"{'-' if matched is None else f'{float(matched):.3f}':>14} "
            f"{seconds(group.get('delay_s')):>8} {float(group['us_per_sample']):>10.1f}"
        )


def _faults(numbers: Numbers) -> Iterator[str]:
    """What share of each fault is found, and the median delay."""
    names = [key.removeprefix("peer_ours_recall_") for key in numbers if key.startswith("peer_ours_recall_")]
    names = [name for name in names if name not in {"low", "high"}]
    yield " ".join([f"{'recall, delay':24}", *(f"{name:>15}" for name in names)])
    for name, group in groups(numbers, "peer", "precision"):
        shown = [
            f"{100 * float(group[f'recall_{one}']):.0f} %, {seconds(group.get(f'delay_s_{one}'))}" for one in names
        ]
        yield " ".join([f"{name:24}", *(f"{one:>15}" for one in shown)])


def tables(numbers: Numbers) -> str:
    """All of them, as far as they were measured."""
    parts = (("case_", _cases), ("quiet_", _quiet), ("peer_", _peers), ("peer_", _faults))
    shown = ["\n".join(make(numbers)) for part, make in parts if any(key.startswith(part) for key in numbers)]
    return "\n\n".join(shown)
