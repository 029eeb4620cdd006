"""What the settings of several rules must be."""

import numpy as np


def positive(rule: object, *names: str) -> None:
    """Raise ValueError for a setting with one of these names that is not a positive number."""
    for name in names:
        value = getattr(rule, name)
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be positive, got {value!r}")


def one_or_more(rule: object, *names: str) -> None:
    """Raise ValueError for a setting with one of these names that is less than 1."""
    for name in names:
        value = getattr(rule, name)
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value!r}")
