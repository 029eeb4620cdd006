"""The checks find what is wrong: each is given a wrong derivative, or noise that depends on the split."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import random
from pnnkern.testing import check_linear, check_split, check_vjp


def square(field: np.ndarray, gain: float = 1.0) -> np.ndarray:
    return gain * field * field


def square_vjp(cotangent: np.ndarray, field: np.ndarray, gain: float = 1.0, *, wrt: object = ("field",)) -> object:
    results = {"field": 2 * gain * np.conj(field) * cotangent, "gain": np.array((cotangent.conj() * field * field).real.sum())}
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    return results[names[0]] if len(names) == 1 else tuple(results[n] for n in names)


U = np.random.default_rng(0).standard_normal((3, 4)) + 1j * np.random.default_rng(1).standard_normal((3, 4))


def test_right_derivatives_pass() -> None:
    check_vjp(square, square_vjp, U, 1.5, wrt=("field", "gain"))
    check_linear(lambda field: 3j * field, lambda g, field, wrt: -3j * g, U)


def test_wrong_derivatives_are_found() -> None:
    with pytest.raises(AssertionError, match="derivative by field: Re<g, J v> = "):
        check_vjp(square, lambda g, *a, wrt: 1.0001 * square_vjp(g, *a), U)
    with pytest.raises(AssertionError, match="derivative by field"):
        check_vjp(square, lambda g, field, wrt: 2 * field * g, U)  # forgot the conjugate
    with pytest.raises(AssertionError, match="adjoint by field"):
        check_linear(lambda field: 3j * field, lambda g, field, wrt: 3j * g, U)
    with pytest.raises(AssertionError, match=r"field has shape \(3, 4\), but its derivative has \(4,\)"):
        check_vjp(square, lambda g, *a, wrt: square_vjp(g, *a).sum(0), U)


def test_single_precision_is_refused() -> None:
    with pytest.raises(TypeError, match="field must be float64 or complex128 for central differences, got complex64"):
        check_vjp(square, square_vjp, U.astype(np.complex64))
    with pytest.raises(TypeError, match="wrt names 'phase'"):
        check_vjp(square, square_vjp, U, wrt="phase")


def test_noise_that_depends_on_the_split_is_found() -> None:
    key, batch = random.key(1), np.zeros((5, 6), np.float32)

    def honest(batch: np.ndarray, *, key: object, sample: object) -> np.ndarray:
        return batch + random.normal(key, batch.shape, sample=sample)

    check_split(honest, batch, key=key, sample=3)
    with pytest.raises(AssertionError, match="a batch split after row 1 gives other values"):
        check_split(lambda b, *, key, sample: b + random.normal(key, b.shape), batch, key=key)
    with pytest.raises(AssertionError, match="rows in another order"):
        check_split(lambda b, *, key, sample: honest(b, key=key, sample=int(np.min(sample))), batch, key=key)
    with pytest.raises(ValueError, match="batch must have at least 3 rows"):
        check_split(honest, batch[:2], key=key)
    assert pnn.testing.check_split is check_split
