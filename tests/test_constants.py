"""Constants on a device: copied once, kept while they are used, ready on every stream, never kept on a CPU."""

from typing import Any

import numpy as np
import pytest
import strict_cupy

from pnnkern import _constants


def test_a_cpu_has_them_as_they_are() -> None:
    table, like = np.arange(3), np.zeros(1)
    assert _constants.Copies().on("table", table, like) is table
    assert _constants.constant(table, np.int64, like) is table
    assert not _constants._constants


def test_copied_once_for_each_device(cupy: Any) -> None:
    like, owner, table = cupy.zeros(1), _constants.Copies(), np.arange(3)
    with strict_cupy.counted() as events:
        found = [owner.on("table", table, like) for _ in range(3)] + [owner.on("other", 2 * table, like)]
        values = [_constants.constant([0.5, -0.5], dtype, like) for dtype in (np.float32, np.float32, np.float64)]
    assert strict_cupy.totals(events) == {"launches": 0, "operations": 0, "syncs": 4, "copies": 4}  # ready for all streams, once
    assert found[0] is found[2]
    assert found[3].get().tolist() == [0, 2, 4]
    assert values[0] is values[1]
    assert [v.dtype for v in values] == [np.float32, np.float32, np.float64]
    with cupy.cuda.Device(1):
        there = cupy.zeros(1)
        for copy in (owner.on("table", table, there), _constants.constant([0.5, -0.5], np.float32, there)):
            assert copy.device.id == 1


def test_the_last_used_are_kept(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    like = cupy.zeros(1)
    monkeypatch.setattr(_constants._constants, "limit", 4 * 80)
    arrays = [_constants.constant(np.full(10, k), np.float64, like) for k in range(4)]
    assert _constants.constant(np.full(10, 0), np.float64, like) is arrays[0]
    _constants.constant(np.full(10, 9), np.float64, like)  # in the place of the one that was not used for longest
    assert len(_constants._constants) == 4
    assert _constants.constant(np.full(10, 0), np.float64, like) is arrays[0]
    assert _constants.constant(np.full(10, 1), np.float64, like) is not arrays[1]
    assert _constants.made("large", lambda: np.zeros(1000), like).size == 1000  # for once, if it does not fit
    assert len(_constants._constants) == 1
