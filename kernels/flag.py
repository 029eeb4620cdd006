"""CPU twin of flag.cu."""

import numpy as np


def pnn_flag_raise(code: int, bad: np.ndarray, fault: np.ndarray) -> None:
    """Flags fault `code` if the one value of `bad` is not 0."""
    if bad[0]:
        fault[0] = max(fault[0], code)
