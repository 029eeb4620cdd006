"""The benchmark of the launcher, made small."""

import pytest

from pnnkern.experiments.bench import launch as bench


def test_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "CALLS", 2)
    rows = bench.run("cpu", 0.1)
    assert [r["name"] for r in rows] == ["pnnkern launch", "bare call of the twin"] * len(bench.KERNELS)
    for ours, bare in zip(rows[::2], rows[1::2], strict=True):
        assert ours["own_us"] == ours["us"] - bare["us"]
        assert bare["ratios"] == {"pnnkern launch": bare["us"] / ours["us"]}


def test_rows_on_the_device(monkeypatch: pytest.MonkeyPatch, cupy) -> None:
    monkeypatch.setattr(bench, "CALLS", 2)
    assert [r["name"] for r in bench.run("cuda", 0.1)] == ["pnnkern launch", "CuPy, x + x"] * len(bench.KERNELS)
