"""An array that memory does not hold: one sentence that says how large it is, whose it is, and what makes it smaller."""

import re
from pathlib import Path

import numpy as np
import pytest

from pnnkern import optics
from pnnkern._errors import DeviceMemoryError
from pnnkern.cli import main
from pnnkern.experiments import info
from pnnkern.experiments import recipe as recipes
from pnnkern.experiments import run as runs
from pnnkern.optics import chain

FULL = "Out of memory allocating 4,294,967,296 bytes (allocated so far: 512 bytes)."


def no_room(*args: object, **options: object) -> None:
    raise MemoryError(FULL)


def test_public_function(monkeypatch: pytest.MonkeyPatch, cupy) -> None:
    field = cupy.asarray(np.ones((2, 16, 16), np.complex64))
    monkeypatch.setattr(cupy, "empty", no_room)
    expected = (
        "Out of memory allocating 4,294,967,296 bytes (allocated so far: 512 bytes), for "
        "`out = _array.namespace(field).empty(field.shape, field.real.dtype)` in detectors.intensity; "
        "work on fewer samples at a time, or give a smaller memory_limit where there is one"
    )
    with pytest.raises(DeviceMemoryError, match=re.escape(expected)):
        optics.intensity(field)


def test_run_keeps_its_last_checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sets = ("training.epochs=1", "data.train=96", "data.test=32", "control.linear=false", "checkpoint.steps=1", "system.size=40",
            "system.input_size=14", "system.detector_size=3")  # fmt: skip
    recipe = recipes.find("d2nn-digits", sets)
    whole = runs.start(recipe, tmp_path / "whole", quiet=True)
    with monkeypatch.context() as patch:
        step = chain.forward
        calls: list[int] = []

        def third_time_full(*args: object, **options: object) -> object:
            calls.append(0)
            return step(*args, **options) if len(calls) < 3 else no_room()

        patch.setattr(chain, "forward", third_time_full)
        with pytest.raises(DeviceMemoryError, match=r"at step 2 of .*: lower compute\.chunk \(now \d+\) or training\.batch \(now 32\)"):
            runs.start(recipe, tmp_path / "full", quiet=True)
    resumed = runs.resume(tmp_path / "full", quiet=True)
    assert resumed.trainer.losses == whole.trainer.losses
    for name, p in whole.trainer.system.parameters.items():
        assert np.array_equal(resumed.trainer.system.parameters[name], p)


def test_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a command was doing: building a system, a report."""
    monkeypatch.setattr(info, "collect", no_room)
    assert main(["info"]) == 2
    assert capsys.readouterr().err == (
        "pnnkern: error: Out of memory allocating 4,294,967,296 bytes (allocated so far: 512 bytes), "
        "for `found = infos.collect()` in cli.info; lower compute.chunk or training.batch, or use another device\n"
    )
