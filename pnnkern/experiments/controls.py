"""Controls: what a much simpler learner makes of the same images."""

import time
import warnings
from typing import Any

from .._errors import DataError
from .data import Dataset

# what a run keeps of controls, by the name of the metric
ACCURACIES = {"control": "linear_control_accuracy", "exact": "exact_gradient_accuracy", "deployed": "deployed_accuracy"}


def linear(dataset: Dataset, iterations: int = 200) -> dict[str, Any]:
    """Logistic regression on the pixels in [0, 1]: scikit-learn, L-BFGS, at most `iterations` iterations, its default ridge (C = 1).

    For real targets least squares with a constant, and "accuracy" 1 less the rms error relative to their range.
    Raises `DataError` for training images of one class, which leave nothing to learn.
    Returns {"test_accuracy", "train_accuracy", "iterations", "seconds", "how"}. Deterministic.
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
    x = pixels(dataset.train_images)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the bound on the iterations is part of what is reported
        model.fit(x, dataset.train_labels)
    return {
        "test_accuracy": float(model.score(pixels(dataset.test_images), dataset.test_labels)),
        "train_accuracy": float(model.score(x, dataset.train_labels)),
        "iterations": int(model.n_iter_.max()),
        "seconds": time.perf_counter() - start,
        "how": f"logistic regression on {len(x)} images, L-BFGS, {int(model.n_iter_.max())} of at most {iterations} iterations",
    }


def _least_squares(dataset: Dataset) -> dict[str, Any]:
    from sklearn.linear_model import LinearRegression

    start = time.perf_counter()
    both = dataset.train_images, dataset.test_images
    x, y = (images.reshape(len(images), -1) / (255 if images.dtype.kind == "u" else 1) for images in both)
    model = LinearRegression().fit(x, dataset.train_labels)

    def accuracy(inputs: Any, labels: Any) -> float:
        return float(1 - ((model.predict(inputs) - labels) ** 2).mean() ** 0.5)

    return {
        "test_accuracy": accuracy(y, dataset.test_labels), "train_accuracy": accuracy(x, dataset.train_labels), "iterations": 1,
        "seconds": time.perf_counter() - start, "how": f"least squares on {len(x)} samples",
    }  # fmt: skip
