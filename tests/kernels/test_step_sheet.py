"""The sheet of training steps: of the steps as they are, of the arrays that they are given, and of what their machine code executes."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
from scripted import ROOT, script

step_sheet = script("step_sheet")
RECORDED = json.loads(step_sheet.SHEET.read_text())


def test_the_sheet_is_of_these_steps() -> None:
    """And no launch of a DRN's step takes longer. After a deliberate change: python scripts/step_sheet.py, and look at the diff."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/step_sheet.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert step_sheet.PAGE.read_text() == step_sheet.page(RECORDED)
    assert tuple(RECORDED) == (*step_sheet.RECIPES, *step_sheet.WIRES)


def test_launches_are_those_that_events_count() -> None:
    events = json.loads((ROOT / "tests/experiments/step_events.json").read_text())
    for recipe, found in RECORDED.items():
        assert sum(row["launches"] for row in found["rows"]) == found["launches"], recipe
        assert recipe in step_sheet.WIRES or found["launches"] <= events[recipe]["launches"], recipe


def test_sums_of_a_step() -> None:
    """Launches, and operations at what they are said to cost; whole epochs; and what is asked of them."""
    for name, found in RECORDED.items():
        for card in step_sheet.CARDS:
            whole = sum(row["launches"] * row[card] for row in found["rows"]) + 2.3 * found["operations"]
            assert found[card] == pytest.approx(whole, rel=0.006), name  # three digits
            assert found[card] >= 1.3 * (found["launches"] + found["operations"])
    assert step_sheet.took("drn-mnist", {"batch": 4, "H200": 20}, "H200") == pytest.approx(0.3)  # 15 000 steps
    assert step_sheet.took("wires 256 x 256", {"batch": 1, "H200": 20}, "H200") == pytest.approx(20e-6)
    for name in ("d2nn-mnist", "oim-mnist"):
        assert step_sheet.took(name, RECORDED[name], "H200") <= step_sheet.BARS[name]


def test_what_is_worse_is_said() -> None:
    recorded = RECORDED["drn-mnist"]
    assert not step_sheet.worse(recorded, recorded)
    slower = copy.deepcopy(recorded)
    slower["rows"][2]["H100"] *= 1.02
    slower["rows"][1]["instructions"] *= 2
    said = step_sheet.worse(slower, recorded)
    assert [line.partition(":")[0] for line in said] == ["pnn_layered_drive_f32", "pnn_layered_relax_few_f32"]
    assert "instructions" in said[0]
    assert "µs on an H100" in said[1]
    assert not step_sheet.worse(recorded, slower)
    assert step_sheet.launched(slower) == step_sheet.launched(recorded)


def test_an_unknown_instruction_is_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise step_sheet.launch_times.sass_run.Unknown("pnn_x cannot be run: HMMA R0, R1: not known")

    monkeypatch.setattr(step_sheet, "step", unknown)
    monkeypatch.setattr(step_sheet.launch_times, "able", lambda: True)
    assert step_sheet.main(["drn-mnist"]) == 2
    assert capsys.readouterr().err.startswith("step_sheet: pnn_x cannot be run: HMMA R0, R1: not known: ")
    assert step_sheet.main(["nothing"]) == 2
    assert capsys.readouterr().err == "step_sheet: no recipe is called nothing\n"


def test_what_was_measured_stands_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the captured step where there is one; of kernels by events; of cards that the sheet has."""
    assert "not measured" in step_sheet.page(RECORDED)
    monkeypatch.setattr(step_sheet, "SHEET", tmp_path / "step-sheet.json")
    kernels = {"pnn_layered_relax_few_f32": {"launches": 2, "gpu_us": 90.0, "bytes": 1}}
    rows = {
        "drn 4": {"row_ms": 0.3, "kernels": kernels},
        "captured drn 4": {"row_ms": 0.125},
        "wires 256": {"row_ms": 2.0, "kernels": {}, "gradient": {"row_ms": 4.0, "kernels": {}}},
        "captured d2nn 50": {"error": "out of memory"},
    }
    for name, date in (("NVIDIA H200", "2026-01-01"), ("NVIDIA A100", "2026-01-02")):
        (tmp_path / f"gpu-{date}-measure.json").write_text(json.dumps({"device": {"name": name}, "rows": rows}))
    (tmp_path / "gpu-2026-01-03-measure.json").write_text(json.dumps({"device": None, "rows": {}}))
    assert step_sheet.measured("drn-mnist") == ({"H200": 125.0}, {"pnn_layered_relax_few_f32": {"H200": 45.0}})
    assert step_sheet.measured("wires 256 x 256")[0] == {"H200": 2000.0}
    assert step_sheet.measured("wires 256 x 256, derivative")[0] == {"H200": 4000.0}
    assert step_sheet.measured("d2nn-mnist") == ({}, {})
    page = step_sheet.page(RECORDED)
    assert "| 0.125 ms (H200) |" in page
    assert "| 45 µs (H200) |" in page


def test_numbers_of_a_kernel_by_hand() -> None:
    """The masks' step of Adam: gradient, two moments and parameter of five masks of 200 x 200, a thread for each in blocks of 256."""
    (adam,) = [row for row in RECORDED["d2nn-mnist"]["rows"] if row["kernel"] == "pnn_optimizer_adam_f32"]
    assert (adam["launches"], adam["blocks"], adam["threads"]) == (1, -(-5 * 200 * 200 // 256), 256)
    assert adam["bytes"] == 4 * 4 * 5 * 200 * 200 + 8 + 4 * 8  # and how many there are, what makes their mean, and their bounds
    assert adam["multiprocessors"] == 132
    (relax,) = [row for row in RECORDED["drn-mnist"]["rows"] if row["kernel"] == "pnn_layered_relax_few_f32"]
    assert (relax["blocks"], relax["multiprocessors"]) == (8, 8)  # one for each sample and phase


def test_sizes_and_times_are_said_shortly() -> None:
    assert [step_sheet._size(n) for n in (5, 1234, 5_000_000, 1_080_000_000)] == ["5 B", "1.23 kB", "5 MB", "1.08 GB"]
    assert [step_sheet._time(t) for t in (1.444e-6, 3.2e-4, 0.87)] == ["1.44 µs", "0.32 ms", "0.87 s"]
    assert [step_sheet._count(n) for n in (1234, 5_123_456)] == ["1234", "5.12 million"]
