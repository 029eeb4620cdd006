"""Rows of numbers as vectors, against NumPy; and that what works on them is compiled once for each type."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pnnkern.kernels._jit import njit
from pnnkern.kernels._vectors import LANES, add, every, load, mul, plus, ratio, store, where

OPERATIONS = ("load", "every", "add", "mul", "plus", "ratio", "where")


@njit
def _rows(A, out):
    a, b, c = load(A, 0), load(A, 1), load(A, 2)
    store(out, 1, a)  # out[0] stays
    store(out, 2, every(A, -2.5))
    store(out, 3, add(a, b))
    store(out, 4, mul(a, b))
    store(out, 5, plus(c, a, b))
    store(out, 6, ratio(a, b))
    store(out, 7, where(b, a, c))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_as_of_numpy(dtype: type, rng: np.random.Generator) -> None:
    a, b, c = A = rng.uniform(0.5, 2, (3, LANES)).astype(dtype)
    b[:4] = [0, -0.0, -1, np.inf]
    out = np.full((8, LANES), 7, dtype)
    _rows(A.ravel(), out.ravel())
    with np.errstate(divide="ignore"):
        quotients = np.where(b > 0, a / b, 0)
    expected = [a, np.full(LANES, -2.5), a + b, a * b, None, quotients, np.where(b > 0, a, c)]
    np.testing.assert_array_equal(out[0], 7)
    for name, got, want in zip(OPERATIONS, out[1:], expected, strict=True):
        if want is not None:
            np.testing.assert_array_equal(got, want, err_msg=name)
    once = (c.astype(np.longdouble) + a.astype(np.longdouble) * b).astype(dtype)  # within the last digit of a sum that is rounded once or twice
    np.testing.assert_allclose(out[5], once, rtol=2 * np.finfo(dtype).eps)


HELPERS = """
import json
import numpy as np
from pnnkern.crossbar import effective_conductance
from pnnkern.kernels.crossbar import tree
for dtype in (np.float32, np.float64):
    effective_conductance(np.full((9, 6), 1e-6, dtype), wires=1.0)
helpers = {name: len(value.overloads) for name, value in vars(tree).items() if hasattr(value, "overloads")}
print(json.dumps({name: count for name, count in helpers.items() if count}))
"""


def test_no_part_of_a_crossbar_is_compiled_twice_for_a_type(tmp_path: Path) -> None:
    """As a literal number or another layout among the arguments would have it."""
    environment = os.environ | {"PNNKERN_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", HELPERS], env=environment, capture_output=True, text=True, check=True)
    helpers = json.loads(done.stdout)
    assert {"pnn_tree_leaves", "leaf_group", "move", "close", "join", "panel", "corner"} <= set(helpers)
    for name in ("segment_kind",):  # of whole numbers alone
        assert helpers.pop(name) == 1, name
    assert set(helpers.values()) == {2}, helpers
