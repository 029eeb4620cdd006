"""Systems of equations on a GPU: against unknowns that were chosen first, with rows in any order, and matrices that have no inverse."""

import numpy as np
import pytest

from pnnkern import _launch
from pnnkern.networks import _solve


def known(rng: np.random.Generator, n: int, columns: int, *lead: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A matrix with integers on a diagonal in disorder, so that every pivot has to be looked for; right sides; the integers that solve it."""
    matrix, x = rng.integers(-3, 4, (*lead, n, n)).astype(float), rng.integers(-9, 10, (*lead, n, columns)).astype(float)
    matrix += 4.0 * n * np.eye(n)[rng.permutation(n)]
    return matrix, matrix @ x, x


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (2, 3), (8, 32), (31, 33), (33, 1), (70, 65)])
def test_unknowns_are_found(backend, n: int, columns: int, rng: np.random.Generator) -> None:
    for lead in ((), (3,)):
        matrix, rhs, x = known(rng, n, columns, *lead)
        given = backend.array(matrix), backend.array(rhs)
        _launch.launched.clear()
        found = backend.numpy(_solve.solved(*given))
        assert ("pnn_elimination_solve_f64" in _launch.launched) == (backend.name != "cpu")
        assert np.abs(found - x).max() < 1e-11
        np.testing.assert_array_equal(backend.numpy(given[0]), matrix)  # nothing is written to what is given
        np.testing.assert_array_equal(backend.numpy(given[1]), rhs)


def test_rows_in_any_order(backend, rng: np.random.Generator) -> None:
    """A permutation has zeros for all pivots but those of the right rows, and is solved to the bit; so is one that is signed and scaled."""
    order, scale = rng.permutation(40), 2.0 ** rng.integers(-30, 30, 40) * rng.choice([-1, 1], 40)
    rhs = rng.standard_normal((40, 7))
    found = backend.numpy(_solve.solved(backend.array(scale[:, None] * np.eye(40)[order]), backend.array(rhs)))
    np.testing.assert_array_equal(found[order], rhs / scale[:, None])


def test_small_pivots_are_passed_over(backend) -> None:
    """With 1e-20 for a pivot the first unknown would come out as 0 (Golub and Van Loan, section 3.3)."""
    matrix, rhs = np.array([[1e-20, 1.0], [1.0, 1.0]]), np.array([[1.0], [2.0]])
    np.testing.assert_allclose(backend.numpy(_solve.solved(backend.array(matrix), backend.array(rhs))), [[1.0], [1.0]], rtol=1e-15)
    for copies in (32, 40):  # of these equations, so that a lane looks at several rows
        many = backend.array(np.kron(matrix, np.eye(copies))), backend.array(np.repeat(rhs, copies, axis=0))
        np.testing.assert_allclose(backend.numpy(_solve.solved(*many)), 1.0, rtol=1e-15)


def test_what_is_left_is_rounding(backend, rng: np.random.Generator) -> None:
    """The equations of resistors over seven orders of magnitude hold to rounding, however far the unknowns are off for that."""
    n = 60
    laplacian = np.zeros((n + 1, n + 1))
    for i in range(n):
        for j in (i + 1, int(rng.integers(0, n + 1))):
            if i != j:
                g = 10.0 ** rng.uniform(-5, 2)
                laplacian[[i, j, i, j], [i, j, j, i]] += g * np.array([1, 1, -1, -1])
    matrix, rhs = laplacian[:n, :n], rng.standard_normal((n, 5))
    x = backend.numpy(_solve.solved(backend.array(matrix), backend.array(rhs)))
    assert np.abs(matrix @ x - rhs).max() < 1e-13 * np.abs(matrix).sum(axis=1).max() * np.abs(x).max()


@pytest.mark.parametrize("wrong", ["zero", "twice", "nan", "inf"])
def test_no_inverse(backend, wrong: str, rng: np.random.Generator) -> None:
    """NaN for these, the others as ever."""
    matrix, rhs, x = known(rng, 9, 40, 3)
    if wrong == "zero":
        matrix[1, :, 4] = 0
    elif wrong == "twice":
        matrix[1, 4], matrix[1, 7] = np.eye(9)[2], np.eye(9)[2]
    else:
        matrix[1, 4, 4] = float(wrong)
    with np.errstate(invalid="ignore"):
        found = backend.numpy(_solve.solved(backend.array(matrix), backend.array(rhs)))
    assert np.isnan(found[1]).all() or backend.name == "cpu"
    assert np.abs(found[[0, 2]] - x[[0, 2]]).max() < 1e-12


def test_strict_builds_and_small_memories(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """No race, nothing uninitialised, blocks that take turns; what does not fit the shared memory is a library's."""
    matrix, rhs, x = known(rng, 17, 70, 2)
    for build, order in (("checked", "shuffled"), ("race", "descending")):
        with _launch.host(build=build, order=order, seed=3):
            assert np.abs(_solve.solved(matrix, rhs) - x).max() < 1e-12
    monkeypatch.setattr(_launch, "MAX_BLOCKS", 2)
    with _launch.host():
        assert np.abs(_solve.solved(matrix, rhs) - x).max() < 1e-12
    monkeypatch.setattr(_launch, "shared_limit", lambda like: _solve._memory(17, 32) - 1)
    _launch.launched.clear()
    with _launch.host():
        assert np.abs(_solve.solved(matrix, rhs) - x).max() < 1e-12
    assert not _launch.launched


def test_products(backend, rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((13, 31)), rng.standard_normal((31, 5))
    on = backend.array
    np.testing.assert_allclose(backend.numpy(_solve.product(on(a), on(b))), a @ b, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(backend.numpy(_solve.inner(on(a.T.copy()), on(b))), a @ b, rtol=1e-12, atol=1e-13)
