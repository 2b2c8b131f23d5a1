"""The detect stage: one partition's series, judged by five windows, drift detectors and threshold rules."""

from __future__ import annotations

from models.rules import ThresholdRule
from models.settings import DetectSettings

__all__ = ["DetectSettings", "ThresholdRule"]
