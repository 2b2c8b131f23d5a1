"""One way to decode for every test of a format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings

from integrations.formats import Decoded, FormatOptions, Recogniser, SeriesTable, decoder_for
from integrations.formats.capture import sample_dicts

# The first call of a compiled function loads or compiles it.
settings.register_profile("compiled", deadline=None)
settings.load_profile("compiled")

RECORD_MS = 1_795_446_000_000


@dataclass
class Told:
    """What a decoder made of some records."""

    decoded: Decoded
    samples: list[dict[str, Any]]

    @property
    def rejected(self) -> list[tuple[int, str]]:
        return [(one.record, one.reason) for one in self.decoded.rejections]

    @property
    def details(self) -> list[str]:
        return [one.detail for one in self.decoded.rejections]

    @property
    def skipped(self) -> dict[str, int]:
        return dict(self.decoded.skipped)

    @property
    def values(self) -> dict[str, float]:
        return {one["metric"]: one["value"] for one in self.samples if "value" in one}


Tell = Callable[..., Told]


@pytest.fixture
def tell() -> Tell:
    """Decode records with a table of their own, twice: caches that are warm must change nothing."""

    def decode(form: str, *values: bytes, record_ms: int = RECORD_MS, **options: Any) -> Told:
        table = SeriesTable("default", Recogniser())
        decoder = decoder_for(form, FormatOptions(**options))
        times = [record_ms] * len(values)
        cold = decoder.decode(values, times, table)
        warm = decoder.decode(values, times, table)
        told = Told(cold, list(sample_dicts(cold, table)))
        assert list(sample_dicts(warm, table)) == told.samples
        assert warm.rejections == cold.rejections
        assert warm.skipped == cold.skipped
        assert warm.noted == cold.noted
        return told

    return decode
