#!/usr/bin/env python3
"""Make the data sets that are shipped: python scripts/make_data.py OUT [FOLDER_OF_MNIST_IDX_FILES]

OUT/small-sets.npz: iris, wine and digits as scikit-learn has them. With a folder also OUT/mnist-small.npz: every 15th training image (4000) and
every 10th test image (1000) of MNIST.
"""

import sys
import zipfile
from pathlib import Path

import numpy as np
import sklearn.datasets
from numpy.lib import format as npy

from pnnkern.experiments import data

TRAIN_EVERY, TEST_EVERY = 15, 10


def small_sets() -> dict[str, np.ndarray]:
    """Values and classes of each set; whole numbers as uint8."""
    arrays = {}
    for name in ("iris", "wine", "digits"):
        found = getattr(sklearn.datasets, f"load_{name}")()
        images = found.images.astype(np.uint8) if name == "digits" else found.data
        arrays |= {f"{name}_x": images, f"{name}_y": found.target.astype(np.uint8)}
    return arrays


def mnist_subset(folder: str) -> dict[str, np.ndarray]:
    mnist = data.load(path=folder)
    return {
        "x_train": mnist.train_images[::TRAIN_EVERY],
        "y_train": mnist.train_labels[::TRAIN_EVERY].astype(np.uint8),
        "x_test": mnist.test_images[::TEST_EVERY],
        "y_test": mnist.test_labels[::TEST_EVERY].astype(np.uint8),
    }


def write(out: Path, arrays: dict[str, np.ndarray]) -> None:
    """As numpy.savez_compressed does, at zlib's highest level; ZipInfo's fixed date makes the same bytes every time."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w") as member:
                npy.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
    print(f"{out}: {', '.join(f'{k} {v.shape}' for k, v in arrays.items())}, {out.stat().st_size} bytes")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    write(Path(sys.argv[1]) / "small-sets.npz", small_sets())
    if len(sys.argv) == 3:
        write(Path(sys.argv[1]) / "mnist-small.npz", mnist_subset(sys.argv[2]))
