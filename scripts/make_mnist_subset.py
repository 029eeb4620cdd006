#!/usr/bin/env python3
"""Make data/mnist-small.npz from the IDX files of MNIST: every 15th training image (4000) and every 10th test image (1000).

python scripts/make_mnist_subset.py path/to/mnist data/mnist-small.npz
"""

import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from pnnkern.experiments import data

TRAIN_EVERY, TEST_EVERY = 15, 10


def main(folder: str, out: str) -> None:
    mnist = data.load(path=folder)
    arrays = {
        "x_train": mnist.train_images[::TRAIN_EVERY],
        "y_train": mnist.train_labels[::TRAIN_EVERY].astype(np.uint8),
        "x_test": mnist.test_images[::TEST_EVERY],
        "y_test": mnist.test_labels[::TEST_EVERY].astype(np.uint8),
    }
    # As numpy.savez_compressed does, at zlib's highest level; ZipInfo's fixed date makes the same bytes every time.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w") as member:
                npy.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
    print(f"{out}: {', '.join(f'{k} {v.shape}' for k, v in arrays.items())}, {Path(out).stat().st_size} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
