"""Loops that compiled kernels share."""

from ._jit import inner


@inner(error_model="numpy")
def copy(source, out):
    """out = source, of one dimension and one length: a slice that is assigned to brings the text of its errors, seconds of compilation."""
    for i in range(out.size):
        out[i] = source[i]


__all__ = ["copy"]
