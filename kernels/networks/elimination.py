"""CPU twin of elimination.cu: LAPACK's."""

import numpy as np


def pnn_elimination_solve(matrices, n, columns, wide, matrix, rhs, out):
    """Each system by itself; NaN where a matrix has no inverse."""
    matrix, rhs, out = matrix.reshape(matrices, n, n), rhs.reshape(matrices, n, columns), out.reshape(matrices, n, columns)
    for m in range(matrices):
        try:
            out[m] = np.linalg.solve(matrix[m], rhs[m])
        except np.linalg.LinAlgError:
            out[m] = np.nan
