// One read of a crossbar: inputs through their converters, the product, noise of the outputs, converters of the outputs.
//   out[b, j] = adc_j(sum over i of w_ij v'_bi + sqrt(sum over i of s2_ij v'_bi^2 + extra) z_bj),  v' = dac(v) + dac_noise z'_bi
// Element numbers: of z' and of the rounding the input i, of z element0 + j with element0 a multiple of 4; sample0 + b or index[b].
#include "pnnkern/converters.cuh"

namespace pnn {
PNN_D i64 sample_of(i64 row, i64 sample0, const i64* index) { return index ? index[row] : sample0 + row; }

// Lanes of a quad of inputs of one row; lanes outside are 0.
template <class T>
PNN_D void dac4(i64 n_in, const T* row, i64 quad, i64 sample, dac_of<T> dac, rng_key rounding, int stochastic, T noise, rng_key noisy, T v[4]) {
    T u[4] = {T(-1), T(-1), T(-1), T(-1)}, z[4];
    if (stochastic) uniform4(rounding, quad, sample, u);
    if (noise != T(0)) normal4(noisy, quad, sample, z);
#pragma unroll
    for (int j = 0; j < 4; j++) {
        v[j] = 4 * quad + j < n_in ? dac(row[4 * quad + j], u[j]) : T(0);
        if (noise != T(0) && 4 * quad + j < n_in) v[j] = fma_(noise, z[j], v[j]);
    }
}

// Four outputs of a row: noise, then the converters. columns: how many of the four there are.
template <class T>
PNN_D void adc4(T x[4], const T variance[4], bool varies, T extra, rng_key key, i64 element, i64 sample, i64 column, int columns,
                const adc_of<T>& adc) {
    T z[4];
    if (varies || extra != T(0)) normal4(key, element >> 2, sample, z);
#pragma unroll
    for (int j = 0; j < 4; j++) {
        if (j < columns) {
            if (varies || extra != T(0)) x[j] = fma_(sqrt_(varies ? add_(variance[j], extra) : extra), z[j], x[j]);
            x[j] = adc(x[j], column + j);
        }
    }
}

template <class T>
PNN_D void read_dac(i64 batch, i64 n_in, dac_of<T> dac, int stochastic, rng_key rounding, T noise, rng_key noisy, i64 sample0,
                    const i64* index, const T* v, T* out) {
    i64 quads = (n_in + 3) / 4;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < batch * quads; t += (i64)gridDim.x * blockDim.x) {
        i64 b = t / quads, q = t % quads;
        T r[4];
        dac4(n_in, v + b * n_in, q, sample_of(b, sample0, index), dac, rounding, stochastic, noise, noisy, r);
#pragma unroll
        for (int j = 0; j < 4; j++) if (4 * q + j < n_in) out[b * n_in + 4 * q + j] = r[j];
    }
}
template <class T>
PNN_D void read_adc(i64 batch, i64 n_out, T extra, rng_key key, i64 element0, i64 sample0, const i64* index, adc_of<T> adc,
                    const T* current, const T* variance, T* out) {
    i64 quads = (n_out + 3) / 4;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < batch * quads; t += (i64)gridDim.x * blockDim.x) {
        i64 b = t / quads, c = 4 * (t % quads);
        int columns = (int)(n_out - c < 4 ? n_out - c : 4);
        T x[4], s[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            x[j] = j < columns ? current[b * n_out + c + j] : T(0);
            s[j] = j < columns && variance ? variance[b * n_out + c + j] : T(0);
        }
        adc4(x, s, variance != nullptr, extra, key, element0 + c, sample_of(b, sample0, index), c, columns, adc);
#pragma unroll
        for (int j = 0; j < 4; j++) if (j < columns) out[b * n_out + c + j] = x[j];
    }
}

// A block makes 64 x 64 outputs, a thread 4 x 4 of them: columns 4 (t % 16) .., rows t / 16, + 16, + 32, + 48. Inputs are converted
// while they are brought to shared memory, again for each 64 columns: cheaper than writing and reading them.
constexpr int SIDE = 64, DEPTH = 16;
template <class T> struct read_tile { T vs[DEPTH][SIDE + 1], ws[DEPTH][SIDE], ss[DEPTH][SIDE]; };   // inputs, weights, variances
template <class T>
PNN_D void read_mvm(read_tile<T>& tile, i64 batch, i64 n_in, i64 n_out, dac_of<T> dac, int stochastic, rng_key rounding, T noise, rng_key noisy, T extra,
                    rng_key key, i64 element0, i64 sample0, const i64* index, adc_of<T> adc, const T* v, const T* w, const T* s2, T* out,
                    int* fault) {
    auto &vs = tile.vs;
    auto &ws = tile.ws, &ss = tile.ss;
    int t = threadIdx.x, tc = 4 * (t % 16), tr = t / 16;
    i64 across = (n_out + SIDE - 1) / SIDE, down = (batch + SIDE - 1) / SIDE;
    for (i64 n = blockIdx.x; n < across * down; n += gridDim.x) {
        i64 row0 = n / across * SIDE, column0 = n % across * SIDE;
        T sum[4][4] = {}, square[4][4] = {};
        for (i64 k0 = 0; k0 < n_in; k0 += DEPTH) {
            i64 row = row0 + t / 4, quad = k0 / 4 + t % 4;
            T r[4] = {};
            if (row < batch) dac4(n_in, v + row * n_in, quad, sample_of(row, sample0, index), dac, rounding, stochastic, noise, noisy, r);
#pragma unroll
            for (int j = 0; j < 4; j++) vs[4 * (t % 4) + j][t / 4] = r[j];
            for (int k = tr; k < DEPTH; k += 16)
                for (int j = 0; j < 4; j++) {
                    i64 c = column0 + tc + j;
                    bool inside = k0 + k < n_in && c < n_out;
                    T g = inside ? w[(k0 + k) * n_out + c] : T(0);
                    if (!(g >= T(0))) atomicMax(fault, 30);
                    ws[k][tc + j] = g;
                    if (s2) ss[k][tc + j] = inside ? s2[(k0 + k) * n_out + c] : T(0);
                }
            __syncthreads();
#pragma unroll
            for (int k = 0; k < DEPTH; k++)
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    T x = vs[k][tr + 16 * i], x2 = mul_(x, x);
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        sum[i][j] = fma_(x, ws[k][tc + j], sum[i][j]);
                        if (s2) square[i][j] = fma_(x2, ss[k][tc + j], square[i][j]);
                    }
                }
            __syncthreads();
        }
        i64 c = column0 + tc;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            i64 b = row0 + tr + 16 * i;
            if (b >= batch || c >= n_out) continue;
            int columns = (int)(n_out - c < 4 ? n_out - c : 4);
            adc4(sum[i], square[i], s2 != nullptr, extra, key, element0 + c, sample_of(b, sample0, index), c, columns, adc);
#pragma unroll
            for (int j = 0; j < 4; j++) if (j < columns) out[b * n_out + c + j] = sum[i][j];
        }
    }
}
}  // namespace pnn

// out = dac(v) + noise z; out may be v. Moves 2 values per input.
extern "C" __global__ void pnn_read_dac_f32(long long batch, long long n_in, float step, float low, float high, int stochastic,
    unsigned rounding0, unsigned rounding1, float noise, unsigned noisy0, unsigned noisy1, long long sample0,
    const long long* __restrict__ index, const float* v, float* out) {
    pnn::read_dac<float>(batch, n_in, {step, low, high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}, sample0, index, v, out);
}
extern "C" __global__ void pnn_read_dac_f64(long long batch, long long n_in, double step, double low, double high, int stochastic,
    unsigned rounding0, unsigned rounding1, double noise, unsigned noisy0, unsigned noisy1, long long sample0,
    const long long* __restrict__ index, const double* v, double* out) {
    pnn::read_dac<double>(batch, n_in, {step, low, high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}, sample0, index, v, out);
}
// out = adc(current + sqrt(variance + extra) z); variance may be null, out may be current. Moves 2 (3 with variance) values per output.
extern "C" __global__ void pnn_read_adc_f32(long long batch, long long n_out, float extra, unsigned key0, unsigned key1, long long element0,
    long long sample0, const long long* __restrict__ index, int mode, int bits, float low, float high, const float* __restrict__ lsb,
    const float* __restrict__ step, const float* __restrict__ offset, const float* __restrict__ bow, const float* __restrict__ table,
    const float* current, const float* __restrict__ variance, float* out) {
    pnn::read_adc<float>(batch, n_out, extra, {key0, key1}, element0, sample0, index, {mode, bits, low, high, lsb, step, offset, bow, table},
                       current, variance, out);
}
extern "C" __global__ void pnn_read_adc_f64(long long batch, long long n_out, double extra, unsigned key0, unsigned key1, long long element0,
    long long sample0, const long long* __restrict__ index, int mode, int bits, double low, double high, const double* __restrict__ lsb,
    const double* __restrict__ step, const double* __restrict__ offset, const double* __restrict__ bow, const double* __restrict__ table,
    const double* current, const double* __restrict__ variance, double* out) {
    pnn::read_adc<double>(batch, n_out, extra, {key0, key1}, element0, sample0, index, {mode, bits, low, high, lsb, step, offset, bow, table},
                       current, variance, out);
}
// All at once; s2 may be null. Blocks of 256. Moves v once per 64 columns, w (and s2) once per 64 rows of the batch, out once.
// Fault 30: an element of w is negative or NaN.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_read_mvm_f32(long long batch, long long n_in, long long n_out,
    float dac_step, float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1, float noise, unsigned noisy0,
    unsigned noisy1, float extra, unsigned key0, unsigned key1, long long element0, long long sample0, const long long* __restrict__ index,
    int mode, int bits, float low, float high, const float* __restrict__ lsb, const float* __restrict__ step, const float* __restrict__ offset,
    const float* __restrict__ bow, const float* __restrict__ table, const float* __restrict__ v, const float* __restrict__ w,
    const float* __restrict__ s2, float* __restrict__ out, int* fault) {
    __shared__ pnn::read_tile<float> tile;
    pnn::read_mvm<float>(tile, batch, n_in, n_out, {dac_step, dac_low, dac_high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}, extra,
                       {key0, key1}, element0, sample0, index, {mode, bits, low, high, lsb, step, offset, bow, table}, v, w, s2, out, fault);
}
extern "C" __global__ void __launch_bounds__(256, 1) pnn_read_mvm_f64(long long batch, long long n_in, long long n_out,
    double dac_step, double dac_low, double dac_high, int stochastic, unsigned rounding0, unsigned rounding1, double noise, unsigned noisy0,
    unsigned noisy1, double extra, unsigned key0, unsigned key1, long long element0, long long sample0, const long long* __restrict__ index,
    int mode, int bits, double low, double high, const double* __restrict__ lsb, const double* __restrict__ step, const double* __restrict__ offset,
    const double* __restrict__ bow, const double* __restrict__ table, const double* __restrict__ v, const double* __restrict__ w,
    const double* __restrict__ s2, double* __restrict__ out, int* fault) {
    __shared__ pnn::read_tile<double> tile;
    pnn::read_mvm<double>(tile, batch, n_in, n_out, {dac_step, dac_low, dac_high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}, extra,
                       {key0, key1}, element0, sample0, index, {mode, bits, low, high, lsb, step, offset, bow, table}, v, w, s2, out, fault);
}
