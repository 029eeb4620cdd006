"""Fields, states and trajectories of a trained system, streamed for many test images."""

import os
import signal
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from small_recipes import QUICK, SMALL

import pnnkern as pnn
from pnnkern import cli
from pnnkern._errors import ResultsError
from pnnkern.experiments import recipe, results, run, stacks
from pnnkern.experiments.loop import MEASUREMENT, stream
from pnnkern.systems import OscillatorMachine


def test_fields(finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the system gives for all images at once, on axes in metres."""
    out = tmp_path / "f.h5"
    assert cli.main(["export", str(finished_run), "--what", "fields", "-o", str(out), "--images", "19"]) == 0
    assert capsys.readouterr().out.startswith("field, label of 19 images, ")
    trainer = run.load(finished_run).trainer
    system, data = trainer.system, trainer.dataset
    planes = np.stack(system.fields(system.encode(data.test_images[:19])), axis=1)
    with h5py.File(out) as file:
        np.testing.assert_allclose(file["field"][:], planes, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(file["label"][:], data.test_labels[:19])
        pitch, spacing = system.geometry.pitch, system.geometry.spacing
        np.testing.assert_allclose(np.diff(file["x"][:]), pitch)
        np.testing.assert_allclose(file["y"][:].sum(), 0, atol=1e-12)
        np.testing.assert_allclose(file["z"][:], np.arange(4) * spacing)
        assert file["z"].attrs["units"] == "m"
        power = (np.abs(file["field"][:, -1]) ** 2).astype(np.float64)
    for image, powers in zip(power, system.forward(system.encode(data.test_images[:19])), strict=True):
        boxes = [image[a:b, c:d].sum() for a, b, c, d in system.regions.boxes]
        np.testing.assert_allclose(np.array(boxes) / np.sum(boxes), powers / powers.sum(), rtol=1e-3)


def test_what_was_ended_goes_on(finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same command, to the same file; for other images or another run it is refused."""
    whole, out = tmp_path / "whole.h5", tmp_path / "f.h5"
    monkeypatch.setattr(stacks, "IMAGES", 4)
    stacks.write(finished_run, "fields", whole)
    fields, calls = stacks._fields, []

    def ended(system: Any, inputs: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return fields(system, inputs)

    monkeypatch.setattr(stacks, "_fields", ended)
    with pytest.raises(KeyboardInterrupt):
        stacks.write(finished_run, "fields", out)
    assert not out.exists()
    stacks.write(finished_run, "fields", out)
    assert len(calls) == 3 + 3
    with h5py.File(whole) as a, h5py.File(out) as b:
        for name in a:
            np.testing.assert_array_equal(a[name][:], b[name][:])
    results.partial(out).write_bytes(b"other")
    with pytest.raises(ResultsError, match="is no partial file of pnnkern"):
        stacks.write(finished_run, "fields", out)


def test_a_signal_ends_it(finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """After the images that are at work, with 75 and how to go on; then it does."""
    monkeypatch.setattr(stacks, "IMAGES", 4)
    fields = stacks._fields

    def signalled(system: Any, inputs: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return fields(system, inputs)

    monkeypatch.setattr(stacks, "_fields", signalled)
    command = ["export", str(finished_run), "--what", "fields", "-o", str(tmp_path / "f.h5")]
    assert cli.main(command) == run.STOPPED
    assert f"stopped with 4 of 20 images in {tmp_path / 'f.partial.h5'}; go on with the same command" in capsys.readouterr().err
    monkeypatch.setattr(stacks, "_fields", fields)
    assert cli.main(command) == 0
    with h5py.File(tmp_path / "f.h5") as file:
        assert len(file["field"]) == len(file["label"]) == 20


def test_a_trajectory_on_any_device(backend: Any) -> None:
    system = OscillatorMachine(inputs=4, hidden=[6], outputs=3, key=pnn.random.key(0), steps=20, device=backend.device)
    times, phases = system.trajectory(system.encode(np.full((2, 4), 0.3)), points=5)
    assert phases.shape == (2, 5, 9)
    np.testing.assert_allclose(times, np.array([0, 5, 10, 15, 20]) * system.step)
    reference = OscillatorMachine(inputs=4, hidden=[6], outputs=3, key=pnn.random.key(0), steps=20)
    right = reference.trajectory(reference.encode(np.full((2, 4), 0.3)), points=5)[1]
    np.testing.assert_allclose(backend.numpy(phases), right, atol=1e-5)


def trained(name: str, folder: Path, *settings: str) -> Any:
    chosen = recipe.find(name)
    small = SMALL[chosen.system.kind]
    size = () if chosen.data.name in ("xor", "curve", "iris") else ("data.train=16", "data.test=20")
    return run.start(recipe.find(name, (*QUICK, *small, "training.epochs=1", *size, *settings)), folder / "r", quiet=True).trainer


RELAXING = [("oim-mnist", "rad", 2), ("transistor-xor", "V", 2), ("springs-iris", "m", 3), ("drn-xs-mnist", "V", 2), ("ising-digits", "1", 2)]


@pytest.mark.parametrize(("name", "unit", "rank"), RELAXING)
def test_states(name: str, unit: str, rank: int, tmp_path: Path) -> None:
    """Equilibria, by which the system's outputs are what it measures."""
    trainer = trained(name, tmp_path)
    found = stacks.write(tmp_path / "r", "states", tmp_path / "s.h5")
    system, data = trainer.system, trainer.dataset
    inputs = system.encode(data.test_images)
    with h5py.File(tmp_path / "s.h5") as file:
        states = [file[key] for key in found["arrays"] if key.startswith("state")]
        assert states[0].attrs["units"] == unit
        assert (states[0].ndim, len(states[0])) == (rank, len(data.test_labels))
        if hasattr(system, "states"):
            right = [system.states(inputs)]
        elif name == "ising-digits":  # drawn by the image's number; how fast it cools depends on what is annealed together
            parts = [system.relax(inputs[at : at + 16], key=stream(0, MEASUREMENT), sample=np.arange(20)[at : at + 16]) for at in (0, 16)]
            right = [np.concatenate([part.phases[0] for part in parts])]
        else:
            right = system.relax(inputs).states
        for got, whole in zip(states, right, strict=True):
            np.testing.assert_allclose(got[:], whole, rtol=1e-3, atol=1e-3 * np.abs(whole).max())


def test_a_trajectory(tmp_path: Path) -> None:
    """It begins at pi/2, goes by the machine's own equation and ends where the machine settles."""
    trainer = trained("oim-mnist", tmp_path)
    stacks.write(tmp_path / "r", "trajectory", tmp_path / "t.h5", 3)
    system = trainer.system
    inputs = system.encode(trainer.dataset.test_images[:3])
    with h5py.File(tmp_path / "t.h5") as file:
        phases, times = file["phase"][:], file["time"][:]
        assert [dimension.label for dimension in file["phase"].dims] == ["image", "time", "node"]
    assert phases.shape == (3, min(50, system.steps + 1), sum(system.sizes))
    assert times[-1] == system.steps * system.step
    np.testing.assert_array_equal(phases[:, 0], np.float32(np.pi / 2))
    coupling, how = system._apparatus(inputs)
    steps = round(times[1] / system.step)
    phase = phases[:, 0].astype(np.float64)
    full = np.zeros((phase.shape[1],) * 2)
    below = coupling.weights.shape[0]
    full[:below, below:], full[below:, :below] = coupling.weights, coupling.weights.T
    for _ in range(steps):  # dphi/dt = -dE/dphi, as the module says
        turn = np.sin(phase[:, :, None] - phase[:, None, :])
        phase = phase + system.step * (-(turn * full).sum(axis=2) - how["x"] * np.sin(phase) - how["second"] * np.sin(2 * phase))
    np.testing.assert_allclose(phases[:, 1], phase, atol=1e-4)
    (free,) = system.relax(inputs).states
    np.testing.assert_allclose(np.cos(phases[:, -1]), np.cos(free), atol=2e-3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--what", "states"], "a run of kind 'd2nn' has no states: there is fields to stream"),
        (["--what", "fields", "-o", "f.npz"], "fields are streamed to HDF5: --out must end in .h5"),
        (["--what", "fields", "--images", "21"], "21 test images were asked for, the run has 20"),
        (["--what", "phase", "--images", "3"], "--images is for fields, states, trajectory, not for 'phase'"),
        (["--what", "fields", "--bits", "8"], "--bits is for pictures"),
    ],
)
def test_what_is_refused(copied_run: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", str(copied_run), *words]) == 2
    line = capsys.readouterr().err
    assert message in line
    assert line.count("\n") == 1
    assert not list(copied_run.glob("*.partial.*"))


def test_read_only(finished_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", str(finished_run), "--what", "fields", "-o", "/proc/f.h5"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("pnnkern: error: cannot write /proc/f.h5: ")
    assert line.count("\n") == 1
    assert pnn.results is results.results
