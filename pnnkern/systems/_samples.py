"""The numbers of samples, as what is drawn for them takes them."""

from typing import Any

import numpy as np

from .. import _array
from .._array import Numbers, Sample


def on_device(sample: Sample, like: Numbers) -> Any:
    """The index of row 0 as it is; those of all rows on the device of `like`, where they go once for all that a pass draws there."""
    return sample if isinstance(sample, bool | int | np.integer) else _array.contiguous(_array.namespace(like).asarray(sample))
