"""A tiny diffractive network on a few digits, and small sweeps, for tests of whole runs."""

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sweeps import GRID

from pnnkern.experiments import advance, recipe, run, sweep

TINY = (
    "system.layers=2", "system.size=16", "system.input_size=14", "system.detector_size=2", "data.train=50", "data.test=20", "training.epochs=3",
    "training.batch=8", "control.iterations=20",
)  # fmt: skip


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    """`compute.threads` of one test's recipe is not the next one's."""
    numba = importlib.import_module("numba")
    before, pool = os.environ.get("PNNKERN_NUM_THREADS"), numba.get_num_threads()
    yield
    numba.set_num_threads(pool)
    if before is None:
        os.environ.pop("PNNKERN_NUM_THREADS", None)
    else:
        os.environ["PNNKERN_NUM_THREADS"] = before


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pulls a plug, so that this process need not wait for the disk. Tests of failing disks put their own in its place."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; not to be changed (see `copied_run`)."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    run.start(recipe.find("d2nn-digits", TINY), folder, quiet=True)
    return folder


@pytest.fixture
def copied_run(finished_run: Path, tmp_path: Path) -> Path:
    """A finished run to do anything with."""
    folder = tmp_path / "tiny"
    shutil.copytree(finished_run, folder)
    return folder


@pytest.fixture(scope="session")
def tiny() -> tuple[str, ...]:
    """Overrides that make any d2nn recipe tiny."""
    return TINY


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes a sweep of that text, with options, and gives its folder."""

    def write(text: str, **options: Any) -> Path:
        (tmp_path / "sweep.toml").write_text(text)
        sweep.write(tmp_path / "sweep.toml", tmp_path / "b", **options)
        return tmp_path / "b"

    return write


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of six points of which three are finished, one failed, one is stopped and one pending; not to be changed."""
    folder = tmp_path_factory.mktemp("half")
    (folder / "sweep.toml").write_text(GRID)
    points, _ = sweep.write(folder / "sweep.toml", folder / "b")
    for point in points[:4]:
        assert advance.advance(point.folder, quiet=True).code == 0
    text = (points[3].folder / run.CONFIG).read_text()
    (points[3].folder / run.CONFIG).write_text(text.replace("epochs = 2", "epochs = 4"))
    advance.note(points[4].folder, "it fell\nover", 1)
    return folder / "b"
