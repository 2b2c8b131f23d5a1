"""Every detector there is, by name, made from the files of ``models/detectors``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from pydantic import ValidationError

from models import detectors
from models.base import Detector
from models.river import RiverDrift
from schemas.errors import ConfigurationError


@cache
def registry() -> Mapping[str, type[Detector]]:
    """Detector classes by name.

    Examples
    --------
    >>> sorted(registry())[:2]
    ['adwin', 'five_windows']
    """
    found: dict[str, type[Detector]] = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(detectors.__path__)):
        members = vars(importlib.import_module(f"{detectors.__name__}.{module}")).values()
        for member in members:
            if isinstance(member, type) and issubclass(member, Detector) and "name" in vars(member):
                found[member.name] = member
    return MappingProxyType(found)


def make_detector(name: str, options: Mapping[str, float] | None = None) -> Detector:
    """A detector by name with some of its settings.

    Raises
    ------
    ConfigurationError
        If there is no such detector or setting.
    """
    if name not in registry():
        raise ConfigurationError(f"there is no detector {name!r}", f"Choose one of {', '.join(sorted(registry()))}")
    kind = registry()[name]
    try:
        return kind(kind.Settings.model_validate(dict(options or {})))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(f"detector {name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def make_drift(name: str, options: Mapping[str, float] | None = None) -> RiverDrift:
    """A drift detector by name.

    Raises
    ------
    ConfigurationError
        If there is none of that name.
    """
    detector = make_detector(name, options)
    if not isinstance(detector, RiverDrift):
        raise ConfigurationError(f"{name} is no drift detector")
    return detector
