"""Loops that compiled kernels share."""

from typing import Any

from ._jit import inner


@inner(error_model="numpy")
def copy(source: Any, out: Any) -> None:
    """out = source, of one dimension and one length: a slice that is assigned to brings the text of its errors, seconds of compilation."""
    for i in range(out.size):
        out[i] = source[i]


__all__ = ["copy"]
