"""What reports of objectives are made of, and where they go."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from integrations.history.reader import History, Span
from metrics_ai.config import Config
from metrics_ai.explain.cases import UnknownIdError
from metrics_ai.recordings import RecordingOptions
from metrics_ai.slo_files import library_of
from metrics_ai.slo_recordings import recorded
from metrics_ai.stack.stack import default_data_dir, history_folder
from metrics_ai.tally import Tally
from schemas.errors import ConfigurationError, MachineError
from slo.definition import Slo
from slo.recorded import Counts, counts_of
from slo.report import Report, SloHistory, history_of, report_of
from slo.report.markdown import markdown_of
from slo.report.page import page_of

_SUFFIXES: Final = {".html": "html", ".htm": "html", ".md": "md", ".json": "json"}
_WRITERS: Final[dict[str, Callable[[Report], str]]] = {
    "html": page_of,
    "md": markdown_of,
    "json": lambda report: json.dumps(report.body(), indent=1) + "\n",
}


def moment_of(text: str | None, option: str) -> int | None:
    """The time that an option names, UTC where it names no zone.

    Raises
    ------
    ConfigurationError
        If it is none.

    Examples
    --------
    >>> moment_of("2026-09-22", "--from")
    1790035200000
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} {text!r} is no time", "Write it as 2026-09-22 or in RFC 3339") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def stored_histories(config: Config, folder: Path | None, name: str | None, span: Span) -> list[SloHistory]:
    """What history knows of one objective, or of all.

    Raises
    ------
    UnknownIdError
        If it knows none of that name.
    ConfigurationError
        If there is no history.
    """
    history = History(folder or config.history.folder or history_folder(default_data_dir()))
    keys = history.keys(span)
    wanted = keys if name is None else [_chosen(keys, name)]
    defined = library_of(config).defined
    found = (history.of(key, span) for key in wanted)
    return [_defined(one, defined[one.newest.key].slo if one.newest.key in defined else None) for one in found]


def _defined(history: SloHistory, slo: Slo | None) -> SloHistory:
    return SloHistory(history.newest, history.course, history.alerts, history.incidents, slo)


def _chosen(keys: Sequence[str], name: str) -> str:
    found = [key for key in keys if name in (key, key.partition("/")[2])]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(f"{len(found)} tenants have an SLO {name!r}", f"Name one: {', '.join(found)}")
    names = sorted({*keys, *(key.partition("/")[2] for key in keys)})
    close = difflib.get_close_matches(name, names, 1)
    way_out = f"Did you mean {close[0]}?" if close else f"There is: {', '.join(keys) or 'none in that time'}"
    raise UnknownIdError(f"history knows no SLO {name!r}", way_out)


def recorded_histories(
    slos: Sequence[Slo], files: Sequence[Path], reading: tuple[RecordingOptions, Config], span: Span
) -> tuple[list[SloHistory], Tally]:
    """What objectives would have come to over recordings, until the end of a time.

    Raises
    ------
    ConfigurationError
        If a recording holds nothing of that time, or not what an indicator asks for.
    """
    recordings, tally = recorded(slos, files, reading)
    counts = (_until(slo, counts_of(slo, found), span) for slo, found in zip(slos, recordings, strict=True))
    return [history_of(slo, one) for slo, one in zip(slos, counts, strict=True)], tally


def _until(slo: Slo, counts: Counts, span: Span) -> Counts:
    if span.to_ms is None:
        return counts
    rows = max(0, (span.to_ms - counts.start_ms) // (slo.slice_s * 1000))
    if not rows:
        raise ConfigurationError(f"the recording holds nothing of {slo.key} before --to", "Give a later time")
    return Counts(counts.start_ms, counts.slices[:rows])


def write(histories: Sequence[SloHistory], span: Span, form: str | None, out: Path | None) -> None:
    """Write a report to a file, or to standard output.

    Raises
    ------
    ConfigurationError
        If neither a format nor the file's suffix says what to write, or there is nothing to tell of.
    MachineError
        If it cannot be written.
    """
    if not histories:
        raise ConfigurationError("history knows no SLO in that time", "Give another --from or --to")
    suffix = out.suffix.lower() if out is not None else ".md"
    if form is None and suffix not in _SUFFIXES:
        raise ConfigurationError(f"--out {out}: its suffix names no format", "Name it FILE.html, or give --format")
    text = _WRITERS[form or _SUFFIXES[suffix]](report_of(histories, span.from_ms, span.to_ms))
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise MachineError(f"{out} cannot be written ({error.strerror})", "Choose another file") from error
