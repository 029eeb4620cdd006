"""Two hundred processes are killed at random moments (scripts/kills.py), and nothing that was finished is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KILLS = 200


def test_killed_two_hundred_times() -> None:
    """In a process of its own, which has started no threads: it forks."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "scripts/kills.py"), str(KILLS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads(done.stdout)
    assert record["kills"] >= KILLS - 5
    assert all(kind["kills"] >= 3 and kind["whole in the end"] for kind in record["kinds"].values())


def test_the_record_is_of_two_thousand() -> None:
    record = json.loads((ROOT / "data/benchmarks/kills.json").read_text())
    assert (record["kills"] >= 1995, record["lost"]) == (True, 0)
