"""What systems make of images, features and labels, and of the parameters that they are given."""

from typing import Any, NamedTuple

import numpy as np

from .. import _array, _classes, _constants, _launch
from .._array import Array, Numbers, Real
from .._checks import class_labels, floats
from .._classes import target_shares

OUTSIDE = _launch.fault(80, "images and features must be uint8, or numbers in [0, 1]")
NOT_FINITE = _launch.fault(82, "images and features must be uint8, or finite numbers")
ENCODED = (np.uint8, np.float32, np.float64)  # what is encoded as it is
FINITE = -float(np.finfo(np.float64).max), float(np.finfo(np.float64).max)


def given(images: Any, *, what: str = "images", bounded: bool = True) -> Array:
    """Images or features as users give them, if they are uint8, or floating and in [0, 1] (with `bounded`, else finite).

    Raises TypeError for another dtype and ValueError for other values, of those on a GPU at `pnnkern.check()`.
    """
    if not _array.is_array(images):
        images = np.asarray(images)
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise TypeError(f"{what} must be uint8, or floating{' in [0, 1]' if bounded else ''}, got {images.dtype}")
    if images.size:
        low, high = images.min(), images.max()  # both are NaN if any value is
        finite = _array.namespace(images).isfinite
        fits = (low >= 0) & (high <= 1) if bounded else finite(low) & finite(high)
        _launch.flag(~fits, OUTSIDE if bounded else NOT_FINITE, lambda: _wrong(images, what, bounded))
    return images


def _wrong(images: np.ndarray, what: str, bounded: bool) -> str:
    """What is wrong with values."""
    missing = int(np.isnan(images).sum())
    if missing:
        return f"there are {missing} NaN value(s) in {what}"
    return f"floating {what} must {'lie in [0, 1]' if bounded else 'be finite'}, got {images.min():g} .. {images.max():g}"


class Encoding(NamedTuple):
    """Inputs that are the values of a sample, one by one: (batch, values), uint8 as fractions of 255, times the gain.

    both : (batch, 2 values), each value and then each with the other sign. bounded : values that are not uint8 must lie in [0, 1], else
    be finite. image : (maps, height, width), which inputs then have in the place of (values,); samples must have it, or be flat.
    """

    values: int
    dtype: Any
    gain: float = 1.0
    both: bool = False
    bounded: bool = True
    image: tuple[int, int, int] | None = None

    def of(self, images: Any, device: str) -> Array:
        """Of images or features (batch, ...), on `device`.

        Raises ValueError for another size, and as `given`; values on a GPU are looked at as they are encoded.
        """
        there = _array.is_on_gpu(images) and images.dtype in ENCODED
        images = images if there else given(images, bounded=self.bounded)
        xp = _array.device_namespace(device)
        out = self._room(len(images), images.shape[1:], xp)
        rows = xp.ascontiguousarray(xp.asarray(_known(images)).reshape(len(images), -1))
        if out.size:
            self._encoded(rows, out, 0, 0, None, None, rows, None, None, out, None, None, None)  # no order: nothing is gathered
        return self._shaped(out)

    def of_next(self, order: Numbers, at: Numbers, samples: Numbers, labels: Numbers, targets: Numbers, count: int) -> tuple[Array, ...]:
        """Of the `count` samples (n, ...) that are next in an order of them, all on a GPU: inputs, labels, numbers and targets.

        order : int64 (n,), from at[0] on. labels, targets : (n, ...), whatever they are. Raises ValueError as `of`.
        """
        xp = _array.namespace(order)
        out, index = self._room(count, samples.shape[1:], xp), xp.empty(count, np.int64)
        others = [xp.empty((count, *rows.shape[1:]), rows.dtype) for rows in (labels, targets)]
        sources, made = ([rows.reshape(-1).view(np.uint8) for rows in arrays] for arrays in ((labels, targets), others))
        sizes = (rows[:1].nbytes for rows in (labels, targets))
        self._encoded(samples, out, *sizes, order, at, samples, *sources, out, *made, index)
        return self._shaped(out), others[0], index, others[1]

    def _room(self, batch: int, shape: tuple[int, ...], xp: Any) -> Array:
        """For what is made of samples of this shape."""
        found = int(np.prod(shape))
        if found != self.values:
            raise ValueError(f"each sample must have {self.values} values, got {found}")
        if self.image is not None and shape not in ((self.values,), self.image) and (1, *shape) != self.image:
            raise ValueError(f"each image must be {self.image}, or flat, got shape {shape}")
        out: Array = xp.empty((batch, 2 * self.values if self.both else self.values), self.dtype)
        return out

    def _shaped(self, out: Array) -> Array:
        return out if self.image is None else out.reshape(len(out), *self.image)

    def _encoded(self, rows: Array, out: Array, *others: Any) -> None:
        limits = (0.0, 1.0, OUTSIDE) if self.bounded else (*FINITE, NOT_FINITE)
        limits = limits if rows.dtype.kind == "f" else (0.0, 255.0, OUTSIDE)
        verb = "single" if out.dtype == np.float32 else "double"
        beside = 32 * len(out) * (others[2] is not None)  # threads that gather: a warp for each sample
        _launch.launch(
            "learning/samples", verb, rows.dtype, len(out), self.values, float(self.gain), int(self.both), *limits, *others,
            threads=len(out) * self.values + -(-beside // _launch.BLOCK) * _launch.BLOCK,
        )  # fmt: skip


def encoding_of(system: Any) -> Encoding | None:
    """What a system's `encode` does, if it says so by an `encoding`: a class with an `encode` of its own has to say it again."""

    def owner(name: str) -> type | None:
        return next((cls for cls in type(system).__mro__ if name in vars(cls)), None)

    return system.encoding if owner("encoding") is not None and owner("encoding") is owner("encode") else None


def _known(images: Array) -> Array:
    """Images in a dtype that is encoded as it is: half precision in single."""
    return images.astype(np.float32) if images.dtype == np.float16 else images


def fractions(images: Numbers, dtype: Any) -> Array:
    """uint8 as fractions of 255, numbers as they are, in the working precision."""
    if images.dtype == np.uint8:
        return images / np.dtype(dtype).type(255)
    return _array.as_type(images, dtype)


def shares(pixels: int, canvas: int, size: int) -> np.ndarray:
    """Which part of each of `size` squares, which tile a canvas, each of the pixels in its middle covers: (size, pixels) float64.

    Applied to an image, each square takes the mean over its own area, with 0 around the image. canvas : its length in pixels, at least as
    many as there are. Where squares divide pixels evenly these are 1 and 0 exactly.
    """
    square = 2 * canvas * np.arange(size)[:, None]  # where squares and pixels begin, in whole units: half pixels / size
    pixel = size * (2 * np.arange(pixels) + canvas - pixels)
    overlap = np.minimum(square + 2 * canvas, pixel + 2 * size) - np.maximum(square, pixel)
    covered: np.ndarray = overlap.clip(0) / (2 * canvas)
    return covered


def one_hot(labels: Numbers, classes: int, high: float, low: float, device: str, dtype: Any) -> Array:
    """(batch, classes): `high` at the label, `low` elsewhere; for labels (batch, classes) that are fractions, so far from low to high.

    One output alone is `high` for class 1. Raises TypeError and ValueError for other labels.
    """
    xp = _array.device_namespace(device)
    if _array.is_on_gpu(labels) and labels.ndim == 1:  # one launch, where the lines below are four
        class_labels(labels, labels.size, classes)
        every = max(classes, 2)

        def of_classes() -> np.ndarray:
            return np.where(_classes.shares(np.arange(every), classes, every, np), high, low).astype(dtype)

        of_class: Array = _constants.made(("targets", classes, high, low, np.dtype(dtype).name), of_classes, labels)
        return of_class[labels]
    share = target_shares(labels, classes, len(labels) if labels.ndim == 2 else labels.size, xp)
    if labels.ndim == 2:
        return (low + (high - low) * share).astype(dtype)
    return xp.where(share, high, low).astype(dtype)


def resolve_target(target: Any, output: Real, nudges: tuple[float, ...]) -> Array:
    """The target (batch, outputs), which may be a function of the output, or the output where there is none.

    Raises ValueError for another shape, or a nudge towards nothing.
    """
    if callable(target):
        target = target(output)
    if target is None:
        if any(nudges):
            raise ValueError("a nudge other than 0 needs a target")
        return output
    target = floats("target", target)
    if target.shape != output.shape:
        raise ValueError(f"target must be {output.shape}, got shape {target.shape}")
    return target


def past_target(output: Real, target: Real, middle: float) -> Array:
    """Which outputs lie beyond their target on its own side of `middle`, and would be left alone by a hinge; boolean (batch, outputs)."""
    past: Array = (target < output) == (target > middle)
    return past


def check_parameters(parameters: dict[str, Array], shapes: dict[str, tuple[int, ...]], dtype: Any) -> None:
    """Raise ValueError for a parameter that is missing or has another shape or dtype."""
    for name, shape in shapes.items():
        p = parameters.get(name)
        if p is None or not _array.is_array(p) or p.shape != shape or p.dtype != dtype:
            got = "nothing" if p is None else f"{p.dtype} {p.shape}" if _array.is_array(p) else type(p).__name__
            raise ValueError(f"{name} must be {np.dtype(dtype)} {shape}, got {got}")
