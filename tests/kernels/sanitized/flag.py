"""Checks of values that are on a GPU."""

from collections.abc import Iterator

import numpy as np

from pnnkern import _launch
from pnnkern._errors import FaultError

PLANTED = _launch.fault(998, "planted by this call")


def flags() -> Iterator[np.ndarray]:
    """Whether a fault is raised, for a value that is fine and one that is not; in a grid of which one thread is to act."""
    for bad in (0, 1):
        try:
            _launch.launch("flag", "raise", "uint8", PLANTED, np.array([bad], np.uint8), threads=100)
            yield np.array(False)
        except FaultError:
            yield np.array(True)


CALLS = (flags,)
