"""The benchmark of pulsed training steps, made small."""

import pytest

from pnnkern.experiments.bench import _crossbar_pulsed as bench


def test_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SIDE", 16)
    monkeypatch.setattr(bench, "BATCH", 4)
    rows = bench.run("cpu", 0.1)
    timed = [r for r in rows if "ms" in r]
    assert {r["name"] for r in timed} >= {"pnnkern", "pnnkern, update alone", "one plain GEMM", "exact gradient"}
    assert {r["work"].rpartition(", ")[2] for r in rows} == set(bench.LOADS)
    for r in timed:
        assert r["ms"] > 0
        assert r["floor_ms"] > 0
        assert r["gemms"] > 0
    assert all("ratios" in r for r in timed if not r["name"].startswith("pnnkern"))
    assert any(r["name"] == "aihwkit" for r in rows)  # timed, or named as absent
