"""Disks that fail, are full or read-only while a sweep is written, a point advanced and results collected: one line, and nothing is lost."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweeps import GRID

from pnnkern.cli import main
from pnnkern.experiments import advance, checkpoint, run, sweep

CALLS = ("write", "fsync")
NUMBERS = (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EDQUOT)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, int], None]:
    """Has a call to the system fail from its n-th time on; standard output and error stay."""

    def fail(name: str, number: int, at: int) -> None:
        call, count = getattr(os, name), [0]

        def wrapped(handle: int, *rest: Any) -> Any:
            count[0] += handle > 2
            if handle > 2 and count[0] > at:
                raise OSError(number, os.strerror(number))
            return call(handle, *rest)

        monkeypatch.setattr(os, name, wrapped)

    return fail


def look(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one error, which comes last; there may be warnings of a config.toml that was edited."""
    *before, only = capsys.readouterr().err.splitlines()
    assert not [other for other in before if not other.startswith("warning: ")]
    assert only.startswith("pnnkern: error: ")
    return str(only)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_sweep(name: str, number: int, tmp_path: Path, failing: Any, monkeypatch: pytest.MonkeyPatch,
                 capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """At the first call, in the midst of a point, and in the midst of all; what there is then is whole, and the same again completes it."""
    (tmp_path / "sweep.toml").write_text(GRID)
    whole = {point.folder.name for point in sweep.write(tmp_path / "sweep.toml", tmp_path / "whole")[0]}
    for at in (0, 2, 7):
        out = tmp_path / f"b{at}"
        with monkeypatch.context():
            failing(name, number, at)
            assert main(["sweep", str(tmp_path / "sweep.toml"), "--out", str(out)]) == 2
            monkeypatch.undo()
        assert os.strerror(number) in line(capsys)
        for point in sweep.points(out) if (out / sweep.SWEEP).exists() else ():
            assert sorted(path.name for path in point.folder.iterdir()) == ["config.toml", "point.json"]
        assert not [path for path in out.rglob(".*") if path.is_file()]
        assert {point.folder.name for point in sweep.write(tmp_path / "sweep.toml", out)[0]} == whole


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("number", NUMBERS)
def test_collecting(name: str, number: int, half: Path, tmp_path: Path, failing: Any, monkeypatch: pytest.MonkeyPatch,
                    capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    for file in ("p.png", "p.csv", "t.csv", "t.h5"):
        (tmp_path / file).write_text("what was there")
    failing(name, number, 0)
    for words in (["--csv", str(tmp_path / "t.csv")], ["--h5", str(tmp_path / "t.h5")], []):
        out = ["--out", str(tmp_path / "p.png")]
        assert main(["collect", str(half), *words, *out]) == 2
        assert os.strerror(number) in line(capsys)
    monkeypatch.undo()
    assert set(look(tmp_path).values()) == {b"what was there"}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS])
def test_advancing(name: str, number: int, half: Path, tmp_path: Path, failing: Any, monkeypatch: pytest.MonkeyPatch,
                   capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """A point that is stopped; the last good checkpoint stays, and the point goes on when the disk does."""
    shutil.copytree(half, tmp_path / "b")
    point = sweep.points(tmp_path / "b")[3].folder
    before = checkpoint.load(point / run.CHECKPOINT).state
    failing(name, number, 0)
    assert main(["advance", str(point), "--quiet"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert os.strerror(number) in said[-1]
    assert said[-1].startswith("pnnkern: error: cannot write the checkpoint")
    assert "error.json cannot be written" in said[-2]
    monkeypatch.undo()
    after = checkpoint.load(point / run.CHECKPOINT).state
    assert {key: array.tobytes() for key, array in after.items()} == {key: array.tobytes() for key, array in before.items()}
    assert advance.advance(point, quiet=True).code == 0
