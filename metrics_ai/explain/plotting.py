"""Plots on request: what is needed for them is loaded only then."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import ConfigurationError, MachineError

if TYPE_CHECKING:
    from metrics_ai.explain.plots import Panel

SUFFIXES: Final = (".png", ".svg")


def checked_path(path: Path | None) -> Path | None:
    """Where a plot goes, if one is wanted.

    Raises
    ------
    ConfigurationError
        If its suffix says neither PNG nor SVG, or its folder is not there.

    Examples
    --------
    >>> checked_path(Path("cpu.svg"))
    PosixPath('cpu.svg')
    """
    if path is None:
        return None
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigurationError(f"--plot {path}: its suffix names no format", "Name it FILE.png or FILE.svg")
    if not path.parent.is_dir():
        raise ConfigurationError(f"--plot {path}: there is no folder {path.parent}", "Make it first")
    return path


def load_plots(load: Callable[[str], Any] = importlib.import_module) -> Any:
    """The module that draws.

    Raises
    ------
    MachineError
        If Matplotlib is not installed.
    """
    try:
        return load("metrics_ai.explain.plots")
    except ImportError as error:
        raise MachineError(
            f"plots need Matplotlib, which cannot be loaded: {error}",
            "make setup installs it, pip install matplotlib too",
        ) from error


def write_plot(panels: Sequence[Panel], title: str, path: Path) -> None:
    """Draw and write.

    Raises
    ------
    MachineError
        If Matplotlib is not there, or the file cannot be written.
    """
    plots = load_plots()
    plots.save(plots.figure_of(panels, title), path)
