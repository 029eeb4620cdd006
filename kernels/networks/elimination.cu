// Dense systems of linear equations of which one fits a block's shared memory: solved without a library, whose calls cannot be captured.
#include "pnnkern/elimination.cuh"

// out[m] = matrix[m]^-1 rhs[m], by Gauss's elimination with partial pivoting (Golub and Van Loan, Matrix Computations, section 3.4). NaN
// where a matrix has no inverse: a pivot of 0, or that is not finite.
// Bytes: each matrix once for `wide` columns of its right sides, these in and out once.
// Launch: a block for each matrix and each `wide` of its columns, fewer than 2^31 in all, of any grid, of whole warps; dynamic shared memory
//   n (n + wide + 1) values of 8 bytes.
// matrices : to be solved
// n : equations of each
// columns : right sides of each
// wide : of these, that a block works on
// matrix : (matrices, n, n) of the equations
// rhs : (matrices, n, columns) right sides
// out : (matrices, n, columns) solutions
extern "C" __global__ void __launch_bounds__(256, 4) pnn_elimination_solve_f64(int matrices, int n, int columns, int wide,
    const double* __restrict__ matrix, const double* __restrict__ rhs, double* __restrict__ out) {
    PNN_DYNAMIC_SHARED(double, memory);
    __shared__ int pivot;
    pnn::elimination_solve(matrices, n, columns, wide, matrix, rhs, out, memory, &pivot);
}
