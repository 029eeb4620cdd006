"""Where points stand is told by their folders."""

import json
from pathlib import Path

import pytest

from pnnkern.cli import main


def test_status(half: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(half), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["states"] == {"finished": 3, "stopped": 1, "pending": 1, "failed": 1}
    assert [row["state"] for row in found["points"]] == ["finished"] * 3 + ["stopped", "failed", "pending"]
    assert found["points"][0]["values"] == {"training.seed": 0, "training.lr": 0.01}
    assert main(["status", str(half)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "3 finished, 1 stopped, 1 pending, 1 failed"
    assert lines[5].split()[1:] == ["failed", "0", "of", "2", "-", "-", "seed=2,", "lr=0.01", "it", "fell", "over"]
