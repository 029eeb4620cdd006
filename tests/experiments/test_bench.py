"""The benchmark runner; what it runs is tested where that lives."""

import json
import sys
from types import SimpleNamespace

import pytest

from pnnkern._errors import PnnError
from pnnkern.experiments import bench
from pnnkern.experiments.bench import __main__ as command

ROWS = [
    {"case": "step", "work": "batch 32", "name": "pnnkern", "ms": 12.345, "floor_ms": 6.1725, "of_floor": 0.5, "error": 3.21e-7,
     "device": "cpu"},
    {"case": "step", "work": "batch 32", "name": "torch", "ms": 37.04, "floor_ms": 6.1725, "of_floor": 1 / 6, "error": None, "device": "cpu",
     "ratios": {"pnnkern": 3.0}},
    {"case": "step", "work": "batch 32", "name": "other", "device": "cpu", "absent": "not installed"},
    {"case": "memory", "work": "batch 32", "name": "pnnkern", "mib": 7.25, "blocks": 3, "device": "cpu"},
]  # fmt: skip


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """A benchmark `fake` that notes how it was called."""
    calls: list[tuple[str, float]] = []

    def run(device: str, budget: float) -> list[dict[str, object]]:
        calls.append((device, budget))
        return ROWS

    monkeypatch.setitem(sys.modules, "pnnkern.experiments.bench.fake", SimpleNamespace(run=run))  # type: ignore[arg-type]
    monkeypatch.setattr(bench, "names", lambda: ["fake", "optics"])
    monkeypatch.setattr(command, "names", lambda: ["fake", "optics"])
    return calls


def test_table() -> None:
    lines = bench.table(ROWS).splitlines()
    assert lines[0] == "step: batch 32 (cpu)"
    assert lines[1].split() == ["pnnkern", "12.35", "ms", "floor", "6.17", "ms", "50%", "of", "floor", "error", "3.2e-07"]
    assert lines[2].split()[:3] == ["torch", "37.04", "ms"]
    assert lines[2].endswith("= 3.00 x pnnkern")
    assert lines[3].split() == ["other", "absent:", "not", "installed"]
    assert lines[4:6] == ["", "memory: batch 32 (cpu)"]
    assert lines[6].split() == ["pnnkern", "7.2", "MiB", "blocks", "3"]


def test_names() -> None:
    assert "optics" in bench.names()
    with pytest.raises(PnnError, match="no benchmark is called 'optic': the nearest is 'optics'"):
        bench.run("optic")


def test_command(
    fake: list[tuple[str, float]], tmp_path: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = f"{tmp_path}/rows.json"
    monkeypatch.setattr(sys, "argv", ["bench", "fake", "--budget", "5", "--json", out])
    assert command.main() == 0
    assert fake == [("cpu", 5.0)]
    assert capsys.readouterr().out == bench.table(ROWS) + "\n"
    with open(out) as file:
        assert json.load(file) == {"fake": ROWS}
    monkeypatch.setattr(sys, "argv", ["bench", "nothing"])
    assert command.main() == 2
    assert "error: no benchmark is called 'nothing'" in capsys.readouterr().err


def test_random_beside_numpy() -> None:
    rows = bench.run("random", budget=0.0)
    ours = {r["case"]: r for r in rows if r["name"] == "pnnkern"}
    assert set(ours) == {"random normal", "random uniform", "random poisson"}
    for r in rows:
        if r["name"] == "NumPy PCG64":
            assert r["ratios"]["pnnkern"] == pytest.approx(r["ms"] / ours[r["case"]]["ms"])
            assert r["of_floor"] == pytest.approx(r["floor_ms"] / r["ms"])


def test_gradient_beside_torch() -> None:
    from pnnkern.experiments.bench import optics

    pytest.importorskip("torch")
    rows = optics.d2nn_gradient(batch=1)
    assert rows
    assert all(r["error"] < 1e-10 for r in rows)


def test_new_distances_beside_numpy() -> None:
    from pnnkern.experiments.bench import optics

    rows = optics.new_distance("cpu", 0.0, n=16)
    assert {r["case"] for r in rows} == {"a new distance, near", "a new distance, far"}
    for r in rows:
        if r["name"] == "NumPy and scipy.fft":
            assert all(ratio > 0 for ratio in r["ratios"].values())
