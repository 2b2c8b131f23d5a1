"""Slow shifts: a River drift detector a series, fed one closed minute at a time."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from models.base import DriftDetector
from models.registry import drift_detector
from models.settings import DriftSettings
from schemas.errors import CheckpointError
from streams.blocks import pack, unpack
from streams.jit import entry_point
from streams.layout import BLOCK

_MAX_LOG: Final = 32
_Array = npt.NDArray[Any]
