"""How twins are compiled: what for, and what not."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from pnnkern.kernels import _loops
from pnnkern.kernels._jit import inner, njit


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


ONE_THREAD = """
import numpy as np
from pnnkern.kernels.learning import optimizer
from pnnkern.learning import SGD
SGD().apply({"x": np.ones(4)}, {"x": np.ones(4)})
print(len(optimizer._sgd.alone.signatures), len(optimizer._sgd.together.signatures))
"""


@pytest.mark.parametrize(("threads", "compiled"), [("1", "1 0"), ("2", "0 1")])
def test_one_thread_compiles_no_code_for_several(threads: str, compiled: str) -> None:
    environment = os.environ | {"NUMBA_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", ONE_THREAD], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == compiled
