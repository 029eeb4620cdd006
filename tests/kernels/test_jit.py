"""How twins are compiled: what for, and what not."""

import re

import numpy as np
import pytest
from pnnkern.kernels import _loops
from pnnkern.kernels._jit import _Kept, inner, njit


def test_what_compiled_functions_alone_call_has_no_entry_for_python() -> None:
    """Numba would call a null pointer, before and after it has been compiled for a caller."""

    @inner
    def twice(x):
        return 2 * x

    @njit
    def called(x):
        return twice(x)

    for _ in range(2):
        with pytest.raises(TypeError, match="twice has no entry for Python: compiled functions call it"):
            twice(1.5)
        assert called(1.5) == 3.0


def test_errors_of_what_compiled_functions_call_have_their_arguments() -> None:
    """Which lie in an environment of the helper that its callers must know of."""

    @inner
    def checked(x):
        if x > 2:
            raise ValueError("too large", x)
        return 2 * x

    @njit
    def called(x):
        return checked(x) + checked(x + 1)

    assert called(0.5) == 4.0
    with pytest.raises(ValueError, match=re.escape("('too large', 2.5)")):
        called(1.5)


def test_copies() -> None:
    @njit
    def copied(source, out):
        _loops.copy(source[1:], out[:-1])

    out = np.full(4, 7.0)
    copied(np.arange(4.0), out)
    np.testing.assert_array_equal(out, [1, 2, 3, 7])


def test_names_of_what_is_kept_do_not_depend_on_the_order_of_a_set() -> None:
    """Which is another in each process."""
    assert _Kept(abs, {"fastmath": {"reassoc", "nsz", "contract"}, "parallel": True}).options == [
        ("fastmath", ["contract", "nsz", "reassoc"]), ("parallel", True),
    ]  # fmt: skip
