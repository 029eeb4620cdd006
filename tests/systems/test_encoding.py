"""What every system takes as images or features, and what it refuses in one sentence."""

from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern.experiments import recipe, run
from pnnkern.systems import kinds
from pnnkern.systems._encoding import Encoding, given, shares

KINDS = sorted({*kinds.classes()} - {"plugin"})  # which is what somebody else's file makes
ANY_NUMBER = {"drn", "hopfield", "hopfield-conv", "ising", "oscillators", "spring-network"}  # what drives them may have any sign and size


def system(kind: str) -> Any:
    described = recipe.read({"system": {"kind": kind}})
    return run.build(described, described.system.values().get("classes", 3))


@pytest.mark.parametrize("kind", KINDS)
def test_every_system_refuses_what_is_no_image(kind: str) -> None:
    """Whole numbers up to 255 that are not uint8 would be 255 times too bright, and NaN would spread."""
    built = system(kind)
    for dtype in (np.int64, np.int32, np.uint16, bool, complex):
        with pytest.raises(TypeError, match=r"images must be uint8, or floating.*, got") as caught:
            built.encode(np.ones((2, 28, 28), dtype))
        assert "\n" not in str(caught.value)
    wrong = [np.nan, np.inf, -np.inf] + [255.0, -1e-9] * (kind not in ANY_NUMBER)
    for value in wrong:
        images = np.full((2, 28, 28), 0.5)
        images[1, 3, 4] = value
        with pytest.raises(ValueError, match=r"NaN value\(s\) in images|floating images must"):
            built.encode(images)


def taken(backend: Any, x: np.ndarray, bounded: bool) -> np.ndarray:
    """What `flat` makes of numbers on the device, if it does not refuse them."""
    out = Encoding(x.shape[1], x.dtype, bounded=bounded).of(backend.array(x), backend.device)
    pnn.check()
    return backend.numpy(out)


@pytest.mark.parametrize("bounded", [True, False])
def test_numbers_are_checked_where_they_are(backend: Any, bounded: bool) -> None:
    for value, fits in ((0.0, True), (1.0, True), (1.0001, not bounded), (-3.0, not bounded), (np.nan, False), (np.inf, False)):
        x = np.full((3, 4), 0.5, np.float32)
        x[2, 1] = value
        if fits:
            np.testing.assert_array_equal(taken(backend, x, bounded), x)
            continue
        with pytest.raises(ValueError, match=r"\[0, 1\]|finite|NaN"):
            taken(backend, x, bounded)
    assert given([[0.5, 1.0]]).dtype == np.float64
    assert given(np.zeros((0, 4))).shape == (0, 4)


def test_shares_cover_the_image_once() -> None:
    """Each pixel is in the squares with all of itself, each square is full within the image."""
    for pixels, canvas, size in ((7, 7, 21), (28, 28, 14), (31, 33, 14), (1, 1, 5), (5, 64, 3), (640, 640, 112), (480, 640, 112)):
        part = shares(pixels, canvas, size)
        assert part.shape == (size, pixels)
        assert part.min() >= 0
        np.testing.assert_allclose(part.sum(axis=0), size / canvas, rtol=1e-13)
        assert part.sum(axis=1).max() <= 1 + 1e-13
        np.testing.assert_array_equal(part, part[::-1, ::-1])
    assert set(np.unique(shares(7, 7, 21))) == {0.0, 1.0}
