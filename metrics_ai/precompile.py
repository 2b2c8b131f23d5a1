"""Compile the kernels before they are needed: a fresh machine pays once, at ``make setup``, and not while it consumes.

``python -m metrics_ai.precompile`` fills Numba's cache beside the sources; a worker calls the same before it joins.
"""

from __future__ import annotations


def precompile_detect() -> None:
    """Walk a few samples and a tick through a detect operator that is thrown away."""
    import numpy as np  # noqa: PLC0415  # the command line must start fast

    from models.detect import DetectOperator, DetectSettings  # noqa: PLC0415
    from schemas.batch import SampleBatch  # noqa: PLC0415
    from schemas.series import Series  # noqa: PLC0415
    from slo.counting.warm import warm_up_counting  # noqa: PLC0415

    series = Series("precompile", "m", {}, {"node": "n"}, "counter")
    times_ms = np.arange(1_000, 400_000, 1_000, dtype=np.int64)
    batch = SampleBatch(
        tenant=series.tenant,
        series_ids=np.array([series.id], np.uint64),
        series_text=[series.text],
        series=np.zeros(len(times_ms), np.int32),
        timestamp_ms=times_ms,
        value=np.arange(len(times_ms), dtype=np.float64),
    )
    operator = DetectOperator(DetectSettings(), partition=0, partitions=1)
    operator.step_batch(batch)
    operator.on_tick(int(times_ms[-1]) + 1_000)
    fresh = DetectOperator(DetectSettings(), partition=0, partitions=1)
    for key, value in operator.take_blocks():
        if value is not None:
            fresh.load_block(key, value)
    fresh.finish_load()
    warm_up_counting()


def precompile_ingest() -> None:
    """Decode a message by every format that has kernels."""
    from integrations.formats.warm import warm_up  # noqa: PLC0415

    warm_up()


if __name__ == "__main__":
    precompile_ingest()
    precompile_detect()
