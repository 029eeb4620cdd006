"""The data that come with the package."""

import hashlib
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np

from pnnkern.experiments import data
from pnnkern.experiments.idx import read_idx

ROOT = Path(__file__).resolve().parents[1]


def test_small_mnist_is_what_its_readme_says() -> None:
    small = data.load("mnist-small")
    assert small.train_images.shape == (4000, 28, 28)
    assert small.test_images.shape == (1000, 28, 28)
    assert small.train_images.dtype == np.uint8
    assert small.classes == 10
    assert np.bincount(small.train_labels, minlength=10).min() > 300
    assert np.bincount(small.test_labels, minlength=10).min() > 80
    # digits of MNIST cover about a fifth of the picture, and hardly ever its outermost rows
    assert 0.15 < (small.train_images > 0).mean() < 0.25
    assert (small.test_images[:, [0, 1, -2, -1]] > 0).mean() < 0.005


def test_small_mnist_is_small_and_licensed() -> None:
    assert (files("pnnkern.data") / "mnist-small.npz").stat().st_size < 1.5e6  # type: ignore[attr-defined]
    readme = (files("pnnkern.data") / "README.md").read_text()
    for word in ("LeCun", "Cortes", "Burges", "CC BY-SA 3.0", "make_data.py", "Fisher", "Forina", "Alpaydin", "CC BY 4.0"):
        assert word in readme


def test_small_mnist_comes_from_the_script(data_folder: Path, tmp_path: Path) -> None:
    """The same images, and where zlib is the same, the same bytes."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    script = ROOT / "scripts" / "make_data.py"
    subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(data_folder / "mnist")], check=True, capture_output=True, env=environment
    )
    assert data.from_npz(tmp_path / "mnist-small.npz").digest() == data.load("mnist-small").digest()


def test_official_files(data_folder: Path) -> None:
    """MD5 of the unpacked files of MNIST as published with the set."""
    official = {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }
    import gzip

    for name, digest in official.items():
        path = data_folder / "mnist" / name
        raw = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(f"{name}.gz").read_bytes())
        assert hashlib.md5(raw).hexdigest() == digest, name
    images = read_idx(next((data_folder / "mnist").glob("t10k-images*")))
    assert images.shape == (10000, 28, 28)
    mnist = data.load("mnist", folder=data_folder)
    assert (len(mnist.train_labels), len(mnist.test_labels), mnist.classes) == (60000, 10000, 10)
    small = data.load("mnist-small")
    np.testing.assert_array_equal(small.train_images, mnist.train_images[::15])
    np.testing.assert_array_equal(small.test_labels, mnist.test_labels[::10])
