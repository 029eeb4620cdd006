"""Processes that run the tests together run every file once, and the last one knows what all have called."""

import json
from pathlib import Path

import public_calls
import pytest
from sharing import ROOT, Share

from pnnkern import _launch


def test_every_file_is_run_by_one_process(tmp_path: Path) -> None:
    """Also files of one name, in folders of one name: all that there are, and two that could be."""
    files = [*ROOT.rglob("test_*.py"), ROOT / "networks" / "test_x.py", ROOT / "kernels" / "networks" / "test_x.py"]
    one, two = Share(tmp_path, 2), Share(tmp_path, 2)
    taken = [(one if n % 3 else two).mine(file) for n, file in enumerate(files)]
    assert all(taken)
    for n, file in enumerate(files):
        first, second = (one, two) if n % 3 else (two, one)
        assert first.mine(file)
        assert not second.mine(file)


def test_the_last_process_knows_what_all_have_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_calls, "calls", {"here": []})
    monkeypatch.setattr(_launch, "launched", {"pnn_here"})
    share = Share(tmp_path, 2)
    assert share.together() is None
    (tmp_path / "other.json").write_text(json.dumps([["there"], ["pnn_there"]]))
    assert share.together() == ({"here", "there"}, {"pnn_here", "pnn_there"})
