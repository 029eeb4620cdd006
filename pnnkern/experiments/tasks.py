"""Small tasks that physical networks are shown to learn, made here: no files. Each gives x_train, y_train, x_test, y_test.

xor            the four points of the exclusive or, two classes; trained and tested on all four
curve          one input, one real target: a parabola that leans, at 16 points, tested between them
plane          three inputs, two real targets, linear in them: 32 points, tested on 32 others
allostery:SxT  one sample: S inputs that are given, T real targets that are wanted, trained and tested on itself. Rocks et al., PNAS 116,
               2506 (2019), in flow networks; Stern et al., Phys. Rev. X 11, 021045 (2021)

Real targets lie in [0, 1]: fractions of the way from a system's low target to its high one.
"""

import re

import numpy as np

from .. import random
from .._errors import DataError

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
TASKS = ("xor", "curve", "plane", "allostery")


def make(name: str) -> Arrays:
    """The arrays of a task by its name. Raises `DataError` for a name that is none."""
    kind, _, size = name.partition(":")
    sizes = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", size)
    if (kind == "allostery") != bool(sizes) or (size and not sizes):
        raise DataError(
            f"{name!r:.80} is no task: there are xor, curve, plane, and allostery with its sources and targets, up to 9999, as 'allostery:4x8'"
        )
    if kind == "xor":
        x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64), np.array([0, 1, 1, 0])
        return x, y, x, y
    if kind == "curve":
        inputs = np.linspace(0, 1, 31)[:, None]
        targets = 0.8 - 2.2 * (inputs - 0.6) ** 2
        return inputs[::2], targets[::2], inputs[1::2], targets[1::2]
    key = random.key(0)
    if kind == "plane":
        points = random.uniform(random.fold_in(key, kind), (64, 3), dtype=np.float64)
        targets = 0.5 + (points - 0.5) @ np.array([[0.4, -0.1], [-0.2, 0.3], [0.1, 0.2]])
        return points[:32], targets[:32], points[32:], targets[32:]
    sources, wanted = (int(n) for n in sizes.groups())  # type: ignore[union-attr]
    x, y = (random.uniform(random.fold_in(key, which), (1, n), dtype=np.float64) for which, n in (("sources", sources), ("targets", wanted)))
    return x, y, x, y


__all__ = ["TASKS", "make"]
