"""The sheet of training steps: of the steps as they are, and of the arrays that they are given."""

import json
import subprocess
import sys

from scripted import ROOT, script

step_sheet = script("step_sheet")
RECORDED = json.loads(step_sheet.SHEET.read_text())


def test_the_sheet_is_of_these_steps() -> None:
    """After a deliberate change: python scripts/step_sheet.py, and look at the diff."""
    done = subprocess.run([sys.executable, str(ROOT / "scripts/step_sheet.py"), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert step_sheet.PAGE.read_text() == step_sheet.page(RECORDED)
    assert tuple(RECORDED) == step_sheet.RECIPES


def test_launches_are_those_that_events_count() -> None:
    events = json.loads((ROOT / "tests/experiments/step_events.json").read_text())
    for recipe, found in RECORDED.items():
        assert sum(row["launches"] for row in found["rows"]) == found["launches"], recipe
        assert found["launches"] <= events[recipe]["launches"], recipe


def test_numbers_of_a_kernel_by_hand() -> None:
    """The masks' step of Adam: gradient, two moments and parameter of five masks of 200 x 200, a thread for each in blocks of 256."""
    (adam,) = [row for row in RECORDED["d2nn-mnist"]["rows"] if row["kernel"] == "pnn_optimizer_adam_f32"]
    assert (adam["launches"], adam["blocks"], adam["threads"]) == (1, -(-5 * 200 * 200 // 256), 256)
    assert adam["bytes"] == 4 * 4 * 5 * 200 * 200 + 8 + 2 * 8  # and how many there are, and what makes their mean
    assert adam["multiprocessors"] == 132
    (relax,) = [row for row in RECORDED["drn-mnist"]["rows"] if row["kernel"] == "pnn_layered_relax_f32"]
    assert (relax["blocks"], relax["multiprocessors"]) == (4, 4)


def test_sizes_and_times_are_said_shortly() -> None:
    assert [step_sheet._size(n) for n in (5, 1234, 5_000_000, 1_080_000_000)] == ["5 B", "1.23 kB", "5 MB", "1.08 GB"]
    assert [step_sheet._time(t) for t in (1e-9, 1.44e-6, 3.2e-4)] == ["below 0.01 µs", "1.4 µs", "320 µs"]
