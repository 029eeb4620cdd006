"""Exported masks: the right numbers in every format."""

from pathlib import Path

import h5py
import matplotlib.image
import numpy as np
import pytest

from pnnkern.experiments import checkpoint, export, run
from pnnkern.experiments.recipe import RecipeError


@pytest.fixture
def phase(finished_run: Path) -> np.ndarray:
    """The trained phases, from the checkpoint itself, in [0, 2 pi)."""
    trained = checkpoint.load(finished_run / run.CHECKPOINT).state["parameters/phase"].astype(np.float64)
    return trained - 2 * np.pi * np.floor(trained / (2 * np.pi))


@pytest.mark.parametrize("suffix", ["npy", "npz", "h5"])
def test_phase(finished_run: Path, tmp_path: Path, phase: np.ndarray, suffix: str) -> None:
    out = tmp_path / "deep" / f"masks.{suffix}"
    result = export.write(finished_run, "phase", out)
    assert (result["shape"], result["files"]) == ([2, 16, 16], [str(out)])
    if suffix == "npy":
        got = np.load(out)
    elif suffix == "npz":
        with np.load(out) as file:
            got = file["phase"]
            assert str(file["recipe"]) == "d2nn-digits"
    else:
        with h5py.File(out) as file:
            got = file["phase"][()]
            assert file["phase"].attrs["about"].startswith("phases of the masks (layers, y, x), radians")
    np.testing.assert_allclose(got, phase, atol=1e-12)


def test_height(finished_run: Path, tmp_path: Path, phase: np.ndarray) -> None:
    """A wave through height h of index n gains (n - 1) h of path over air: phase = 2 pi (n - 1) h / wavelength."""
    export.write(finished_run, "height", tmp_path / "h.npy", index=1.5)
    height = np.load(tmp_path / "h.npy")
    wavelength = 299792458 / 0.4e12
    np.testing.assert_allclose(2 * np.pi * 0.5 * height / wavelength, phase, atol=1e-12)
    assert height.max() < wavelength / 0.5


def test_pictures(finished_run: Path, tmp_path: Path, phase: np.ndarray) -> None:
    """16 bit grey: an independent reader finds the phases again."""
    result = export.write(finished_run, "phase", tmp_path / "m.png")
    assert [Path(f).name for f in result["files"]] == ["m-1.png", "m-2.png"]
    for file, layer in zip(result["files"], phase, strict=True):
        grey = matplotlib.image.imread(file)
        assert grey.shape == (16, 16)
        np.testing.assert_allclose(grey * phase.max(), layer, atol=phase.max() / 65535)


def test_what_cannot_be_exported(finished_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="has no 'conductance' to export: there is phase, height"):
        export.write(finished_run, "conductance", tmp_path / "a.npy")
    with pytest.raises(RecipeError, match=r"must end in \.npy, \.npz, \.h5, \.png, got 'a\.mat'"):
        export.write(finished_run, "phase", tmp_path / "a.mat")
    with pytest.raises(RecipeError, match="refractive index above 1, got 1"):
        export.write(finished_run, "height", tmp_path / "a.npy", index=1.0)
