"""What a run will take, told before it begins."""

import time
from typing import Any

from sweeps import IRIS

from pnnkern.experiments import advance, estimate, sweep


def test_an_estimate_is_of_the_right_size(written: Any) -> None:
    """Against a run that is timed: within a factor of four on a machine that does other things besides."""
    folder = written(IRIS.replace('"training.epochs" = 2', '"training.epochs" = 40\n"control.linear" = false\n"control.exact" = false'))
    (point,) = sweep.points(folder)
    found = estimate.of_sweep(folder, point)
    before = time.perf_counter()
    assert advance.advance(point.folder, quiet=True).code == 0
    took = time.perf_counter() - before
    assert found["seconds"] - found["start"] < 4 * took
    assert found["seconds"] > took / 4
    assert 2**26 < found["bytes"] < 2**32
