"""Controls: what a much simpler learner makes of the same images."""

import time
import warnings
from typing import Any

import numpy as np

from .._errors import DataError
from .data import Dataset
from .pieces import Rows, pieces

LARGEST = 1 << 28  # bytes of single-precision pixels that the control is fitted to, of samples that are read in pieces

# what a run keeps of controls, by the name of the metric
ACCURACIES = {"control": "linear_control_accuracy", "exact": "exact_gradient_accuracy", "deployed": "deployed_accuracy"}


def linear(dataset: Dataset, iterations: int = 200) -> dict[str, Any]:
    """Logistic regression on the pixels in [0, 1]: scikit-learn, L-BFGS, its default ridge (C = 1). Deterministic.

    For real targets least squares with a constant, and "accuracy" 1 less the rms error relative to their range. Of samples that are read
    in pieces, it is fitted to as many as 256 MiB hold, evenly taken, and tested on all.

    Parameters
    ----------
    dataset : Dataset
        As `load_data` gives it.
    iterations : int
        Of the solver, at most.

    Returns
    -------
    dict[str, Any]
        "test_accuracy", "train_accuracy", "iterations", "seconds", and "how", in words.

    Raises
    ------
    DataError
        For training images of one class, which leave nothing to learn.
    """
    if dataset.real:
        return _least_squares(dataset)
    if (dataset.train_labels == dataset.train_labels[0]).all():
        raise DataError(
            f"the {len(dataset.train_labels)} training images of {dataset.name} are all of class {dataset.train_labels[0]}, which leaves a "
            f"linear control nothing to learn: take others, or set control.linear=false"
        )
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    def pixels(images: Any) -> Any:
        scale = 255 if images.dtype.kind == "u" else 1
        return images.reshape(len(images), -1).astype("float32") / scale

    start = time.perf_counter()
    model = LogisticRegression(max_iter=iterations)
    images, labels, of = _fitted_to(dataset)
    x = pixels(images)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the bound on the iterations is part of what is reported
        model.fit(x, labels)
    answers = np.concatenate([model.predict(pixels(piece)) for piece in pieces(dataset.test_images)])
    return {
        "test_accuracy": float((answers == dataset.test_labels).mean()),
        "train_accuracy": float(model.score(x, labels)),
        "iterations": int(model.n_iter_.max()),
        "seconds": time.perf_counter() - start,
        "how": f"logistic regression on {len(x)}{of} images, L-BFGS, {int(model.n_iter_.max())} of at most {iterations} iterations",
    }


def _fitted_to(dataset: Dataset) -> tuple[np.ndarray, np.ndarray, str]:
    """The training samples that a control is fitted to, with their labels, and, if there are more, of how many."""
    images, labels = dataset.train_images, dataset.train_labels
    if not isinstance(images, Rows):
        return images, labels, ""
    total, most = len(images), max(1, LARGEST * len(images) // (4 * images.size))
    if total <= most:
        return images[np.arange(total)], labels, ""
    some = np.arange(most) * total // most
    return images[some], labels[some], f" of {total}"


def _least_squares(dataset: Dataset) -> dict[str, Any]:
    from sklearn.linear_model import LinearRegression

    start = time.perf_counter()

    def pixels(images: Any) -> Any:
        return images.reshape(len(images), -1) / (255 if images.dtype.kind == "u" else 1)

    def accuracy(answers: Any, labels: Any) -> float:
        return float(1 - ((answers - labels) ** 2).mean() ** 0.5)

    images, labels, of = _fitted_to(dataset)
    x = pixels(images)
    model = LinearRegression().fit(x, labels)
    answers = np.concatenate([model.predict(pixels(piece)) for piece in pieces(dataset.test_images)])
    return {
        "test_accuracy": accuracy(answers, dataset.test_labels), "train_accuracy": accuracy(model.predict(x), labels), "iterations": 1,
        "seconds": time.perf_counter() - start, "how": f"least squares on {len(x)}{of} samples",
    }  # fmt: skip
