// One read of a crossbar: inputs through their converters, the product, noise of the outputs, converters of the outputs.
//   out[a, b, j] = adc_aj(sum over i of w_aij v'_bi + sqrt(sum over i of s2_aij v'_bi^2 + extra) z_baj),  v' = dac(v) + dac_noise z'_bi
// for a stack of arrays a on the same inputs. Element numbers: of z' and of the rounding the input i, of z element0 + j + a (n_out, up to a
// multiple of 4), with element0 a multiple of 4; sample0 + b or index[b].
// arrays : of the stack
// batch : samples
// n_in, n_out : rows and columns of an array
// step, dac_step : [V] of the converters of inputs; 0: nothing is converted
// low, high : [codes] lowest and highest code of a converter, here of the outputs
// dac_low, dac_high : [codes] lowest and highest code of the converters of inputs
// stochastic : not 0: up or down with the chance of the fraction; else to the nearest
// rounding0, rounding1 : words of the key of that rounding
// noise : [V] standard deviation of the noise of inputs
// noisy0, noisy1 : words of the key of that noise
// extra : [A^2] variance that every output has
// key0, key1 : words of the key of the noise of outputs
// element0 : number of the first output
// sample0 : global number of row 0, where index is null
// index : (batch) global number of each row, or null
// mode : of the converters of outputs: 0 none, 1 cut only, 2 rounded, 3 successive approximation (converters.cuh)
// bits : of the converters of outputs
// lsb : (arrays, n_out) [A] what one code of each converter really is
// offset : (arrays, n_out) [A] added to the current; or null
// bow : (arrays, n_out) [codes] deviation in the middle of the range; or null
// table : (arrays, n_out, bits) [codes] capacitors, where mode is 3; or null
// v : (batch, n_in) [V] inputs
// w : (arrays, n_in, n_out) [S] conductances, or what stands for them
// s2 : (arrays, n_in, n_out) [S^2] variances of the conductances; or null
// parts : (1 or 2, slices, arrays, batch, n_out) [A, A^2] sums over slices of 64 inputs, of w and then of s2; or null
// out : (arrays, batch, n_out) [A] outputs
#include "pnnkern/converters.cuh"
#include "pnnkern/product.cuh"

namespace pnn {
PNN_D i64 sample_of(i64 row, i64 sample0, const i64* index) { return index ? index[row] : sample0 + row; }

// What an input goes through, and its numbers.
template <class T> struct inputs_of {
    dac_of<T> dac;
    int stochastic;
    rng_key rounding;
    T noise;
    rng_key noisy;
    // a quad of inputs of one sample, of which `many` are there; the others become 0
    PNN_D void operator()(i64 quad, i64 sample, i64 many, T v[4]) const {
        T u[4] = {T(-1), T(-1), T(-1), T(-1)}, z[4];
        if (stochastic) uniform4(afresh(rounding), quad, sample, u);
        if (noise != T(0)) normal4(afresh(noisy), quad, sample, z);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            v[j] = j < many ? dac(v[j], u[j]) : T(0);
            if (noise != T(0) && j < many) v[j] = fma_(noise, z[j], v[j]);
        }
    }
};

// What an output goes through.
template <class T> struct outputs_of {
    T extra;
    rng_key key;
    i64 element0;
    adc_of<T> adc;
    // four outputs of a row, from `column` of array `array` on, of which `many` are there
    PNN_D void operator()(i64 n_out, i64 array, i64 column, i64 sample, i64 many, const T variance[4], bool varies, T x[4]) const {
        T z[4];
        if (varies || extra != T(0)) normal4(afresh(key), (element0 + column >> 2) + array * ((n_out + 3) / 4), sample, z);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            if (j < many) {
                if (varies || extra != T(0)) x[j] = fma_(sqrt_(varies ? add_(variance[j], extra) : extra), z[j], x[j]);
                x[j] = adc(x[j], array * n_out + column + j);
            }
        }
    }
};

template <class T>
PNN_D void read_dac(i64 batch, i64 n_in, const inputs_of<T>& inputs, i64 sample0, const i64* index, const T* v, T* out) {
    const i64 quads = (n_in + 3) / 4;
    const bool whole = whole_quads(v, n_in) && whole_quads(out, n_in);
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < batch * quads; t += (i64)gridDim.x * blockDim.x) {
        i64 b = t / quads, q = t - b * quads, at = b * n_in + 4 * q, many = n_in - 4 * q;
        T r[4];
        load4(v + at, many, whole, r);
        inputs(q, sample_of(b, sample0, index), many, r);
        put4(out + at, many, whole, r);
    }
}
template <class T>
PNN_D void read_adc(i64 arrays, i64 slices, i64 batch, i64 n_out, const outputs_of<T>& outputs, i64 sample0, const i64* index,
                    const T* current, const T* variance, T* out) {
    const i64 quads = (n_out + 3) / 4, all = arrays * batch * n_out;
    const bool whole = whole_quads(current, n_out) && whole_quads(out, n_out) && (!variance || whole_quads(variance, n_out));
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < arrays * batch * quads; t += (i64)gridDim.x * blockDim.x) {
        i64 row = t / quads, c = 4 * (t - row * quads), a = row / batch, at = row * n_out + c, many = n_out - c;
        T x[4], s[4] = {}, more[4];
        load4(current + at, many, whole, x);
        if (variance) load4(variance + at, many, whole, s);
        for (i64 slice = 1; slice < slices; slice++) {
            load4(current + slice * all + at, many, whole, more);
#pragma unroll
            for (int j = 0; j < 4; j++) x[j] = add_(x[j], more[j]);
            if (!variance) continue;
            load4(variance + slice * all + at, many, whole, more);
#pragma unroll
            for (int j = 0; j < 4; j++) s[j] = add_(s[j], more[j]);
        }
        outputs(n_out, a, c, sample_of(row - a * batch, sample0, index), many, s, variance != nullptr, x);
        put4(out + at, many, whole, x);
    }
}

// A warp takes a row.
template <class T> PNN_D void read_scale(i64 batch, i64 n_in, T given, T v_max, const T* x, T* scale, T* out) {
    const int lane = threadIdx.x % 32;
    for (i64 b = (blockIdx.x * (i64)blockDim.x + threadIdx.x) / 32; b < batch; b += (i64)gridDim.x * blockDim.x / 32) {
        T most = given;
        if (!(given > T(0))) {
            most = T(0);
            for (i64 i = lane; i < n_in; i += 32) {
                T v = x[b * n_in + i];
                most = larger(most, v < T(0) ? -v : v);
            }
            for (int o = 16; o > 0; o /= 2) most = larger(most, (T)__shfl_xor_sync(0xffffffffu, most, o));
            if (!(most > T(0))) most = T(1);
        }
        if (lane == 0) scale[b] = most;
        for (i64 i = lane; i < n_in; i += 32) out[b * n_in + i] = mul_(x[b * n_in + i] / most, v_max);
    }
}

// A block makes SIDE x SIDE outputs of an array, or with `parts` their sums over one slice of the inputs. Inputs are converted where they
// have come to shared memory, again for each SIDE columns: cheaper than writing and reading them.
template <class T, int SIDE, class By>
PNN_D void read_mvm(product_tile<T, SIDE>& tile, const By& by, i64 arrays, i64 batch, i64 n_in, i64 n_out, const inputs_of<T>& inputs,
                    const outputs_of<T>& outputs, i64 sample0, const i64* index, const T* v, const T* w, const T* s2, T* parts, T* out, int* fault) {
    constexpr int DEPTH = product_tile<T, SIDE>::DEPTH;
    // in int: no memory holds the arrays of more
    const int across = (int)((n_out + SIDE - 1) / SIDE), down = (int)((batch + SIDE - 1) / SIDE), steps = (int)((n_in + DEPTH - 1) / DEPTH);
    const int slices = parts ? (int)((n_in + SLICE - 1) / SLICE) : 1, items = (parts && s2 ? 2 : 1) * slices * (int)arrays * down * across;
    const bool converts = inputs.dac.step != T(0) || inputs.noise != T(0);
    const bool whole = whole_quads(parts ? parts : out, n_out);
    for (int n = blockIdx.x; n < items; n += gridDim.x) {
        const int tiles = n / across, planes = tiles / down, part = planes / (int)arrays, a = planes - part * (int)arrays, slice = part % slices;
        const i64 row0 = (i64)SIDE * (tiles - planes * down), column0 = (i64)SIDE * (n - tiles * across), cells = a * n_in * n_out;
        const int first = slice * (SLICE / DEPTH), last = !parts || first + SLICE / DEPTH > steps ? steps : first + SLICE / DEPTH;
        auto check = [&](const T g[4]) {
            if (!(g[0] >= T(0) && g[1] >= T(0) && g[2] >= T(0) && g[3] >= T(0))) atomicMax(fault, 30);
        };
#pragma unroll 1
        for (int squares = part >= slices; squares <= (part >= slices || (s2 && !parts)); squares++) {
            auto prepare = [&](i64 row, i64 k, T x[4]) {
                if (converts) inputs(k >> 2, sample_of(row, sample0, index), n_in - k, x);
#pragma unroll
                for (int j = 0; j < 4; j++) if (squares) x[j] = mul_(x[j], x[j]);
            };
            tile_sums(tile, squares ? tile.second : tile.first, by, batch, n_in, n_out, row0, column0, first, last, v,
                      (squares ? s2 : w) + cells, converts || squares, prepare, !squares && row0 == 0, check);
        }
#pragma unroll 1
        for (int q = threadIdx.x; q < SIDE * SIDE / 4; q += product_tile<T, SIDE>::THREADS) {
            const int r = q / (SIDE / 4), k = 4 * (q % (SIDE / 4));
            const i64 b = row0 + r, c = column0 + k, at = (a * batch + b) * n_out + c, many = n_out - c;
            if (b >= batch || many <= 0) continue;
            T x[4], variance[4] = {};
            load4(part >= slices ? &tile.second[r][k] : &tile.first[r][k], x);
            if (parts) {
                put4(parts + part * (arrays * batch * n_out) + at, many, whole, x);
            } else {
                if (s2) load4(&tile.second[r][k], variance);
                outputs(n_out, a, c, sample_of(b, sample0, index), many, variance, s2 != nullptr, x);
                put4(out + at, many, whole, x);
            }
        }
        __syncthreads();
    }
}
}  // namespace pnn

// out = dac(v) + noise z.
// Bytes: 2 values per input.
// Launch: any 1-D grid and block; a thread takes four inputs of a sample.
// low, high : [codes] lowest and highest code
// out : (batch, n_in) [V] what the lines get; may be v
extern "C" __global__ void pnn_read_dac_f32(long long batch, long long n_in, float step, float low, float high, int stochastic,
    unsigned rounding0, unsigned rounding1, float noise, unsigned noisy0, unsigned noisy1, long long sample0,
    const long long* __restrict__ index, const float* v, float* out) {
    pnn::read_dac<float>(batch, n_in, {{step, low, high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}}, sample0, index, v, out);
}
extern "C" __global__ void pnn_read_dac_f64(long long batch, long long n_in, double step, double low, double high, int stochastic,
    unsigned rounding0, unsigned rounding1, double noise, unsigned noisy0, unsigned noisy1, long long sample0,
    const long long* __restrict__ index, const double* v, double* out) {
    pnn::read_dac<double>(batch, n_in, {{step, low, high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}}, sample0, index, v, out);
}
// out[a, b, j] = adc_aj(current + sqrt(variance + extra) z), where current and variance are added up over the slices in their order.
// Bytes: slices + 1 (2 slices + 1 with variance) values per output.
// Launch: any 1-D grid and block; a thread takes four outputs of a sample.
// slices : that are added up
// step : (arrays, n_out) [A] what one code is taken for
// current : (slices, arrays, batch, n_out) [A] sums; may be out
// variance : (slices, arrays, batch, n_out) [A^2] sums; or null
extern "C" __global__ void pnn_read_adc_f32(long long arrays, long long slices, long long batch, long long n_out, float extra,
    unsigned key0, unsigned key1, long long element0, long long sample0, const long long* __restrict__ index, int mode, int bits, float low,
    float high, const float* __restrict__ lsb, const float* __restrict__ step, const float* __restrict__ offset, const float* __restrict__ bow,
    const float* __restrict__ table, const float* current, const float* variance, float* out) {
    pnn::read_adc<float>(arrays, slices, batch, n_out, {extra, {key0, key1}, element0, {mode, bits, low, high, lsb, step, offset, bow, table}},
                       sample0, index, current, variance, out);
}
extern "C" __global__ void pnn_read_adc_f64(long long arrays, long long slices, long long batch, long long n_out, double extra,
    unsigned key0, unsigned key1, long long element0, long long sample0, const long long* __restrict__ index, int mode, int bits, double low,
    double high, const double* __restrict__ lsb, const double* __restrict__ step, const double* __restrict__ offset, const double* __restrict__ bow,
    const double* __restrict__ table, const double* current, const double* variance, double* out) {
    pnn::read_adc<double>(arrays, slices, batch, n_out, {extra, {key0, key1}, element0, {mode, bits, low, high, lsb, step, offset, bow, table}},
                       sample0, index, current, variance, out);
}
// out[b, i] = x[b, i] / scale[b] v_max, with the scale that is given, if it is above 0, or else the largest |x[b, i]|, or 1 where there is
// nothing.
// Bytes: 2 values per input, x twice where it does not stay in the cache.
// Launch: any 1-D grid, blocks of whole warps; a warp takes a sample.
// given : scale of all samples; 0: of each its own
// v_max : [V] largest voltage
// x : (batch, n_in) inputs
// scale : (batch) what each sample was divided by
// out : (batch, n_in) [V] voltages
extern "C" __global__ void pnn_read_scale_f32(long long batch, long long n_in, float given, float v_max, const float* __restrict__ x,
    float* __restrict__ scale, float* __restrict__ out) {
    pnn::read_scale<float>(batch, n_in, given, v_max, x, scale, out);
}
extern "C" __global__ void pnn_read_scale_f64(long long batch, long long n_in, double given, double v_max, const double* __restrict__ x,
    double* __restrict__ scale, double* __restrict__ out) {
    pnn::read_scale<double>(batch, n_in, given, v_max, x, scale, out);
}
// All at once. Where parts are given, slices = ceil(n_in / 64), blocks write the sums over a slice of the inputs there, of w first and then
// of s2 if there is one, and nothing to out: pnn_read_adc adds and converts them, to the same bits.
// Bytes: v once per 32 columns, w (and s2) once per 32 rows of the batch, out once.
// Launch: any 1-D grid, blocks of 128, which take turns at tiles of 32 x 32.
// Faults: 30 an element of w is negative or NaN.
// step : (arrays, n_out) [A] what one code of each converter is taken for
extern "C" __global__ void __launch_bounds__(128, 4) pnn_read_mvm_f32(long long arrays, long long batch, long long n_in,
    long long n_out, float dac_step, float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1, float noise,
    unsigned noisy0, unsigned noisy1, float extra, unsigned key0, unsigned key1, long long element0, long long sample0,
    const long long* __restrict__ index, int mode, int bits, float low, float high, const float* __restrict__ lsb, const float* __restrict__ step,
    const float* __restrict__ offset, const float* __restrict__ bow, const float* __restrict__ table, const float* __restrict__ v,
    const float* __restrict__ w, const float* __restrict__ s2, float* __restrict__ parts, float* __restrict__ out, int* fault) {
    __shared__ pnn::product_tile<float, 32> tile;
    pnn::read_mvm<float, 32>(tile, pnn::by_threads<float, 32>(), arrays, batch, n_in, n_out,
                       {{dac_step, dac_low, dac_high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}},
                       {extra, {key0, key1}, element0, {mode, bits, low, high, lsb, step, offset, bow, table}}, sample0, index, v, w, s2, parts,
                       out, fault);
}
extern "C" __global__ void __launch_bounds__(128, 2) pnn_read_mvm_f64(long long arrays, long long batch, long long n_in,
    long long n_out, double dac_step, double dac_low, double dac_high, int stochastic, unsigned rounding0, unsigned rounding1, double noise,
    unsigned noisy0, unsigned noisy1, double extra, unsigned key0, unsigned key1, long long element0, long long sample0,
    const long long* __restrict__ index, int mode, int bits, double low, double high, const double* __restrict__ lsb, const double* __restrict__ step,
    const double* __restrict__ offset, const double* __restrict__ bow, const double* __restrict__ table, const double* __restrict__ v,
    const double* __restrict__ w, const double* __restrict__ s2, double* __restrict__ parts, double* __restrict__ out, int* fault) {
    __shared__ pnn::product_tile<double, 32> tile;
    pnn::read_mvm<double, 32>(tile, pnn::by_threads<double, 32>(), arrays, batch, n_in, n_out,
                       {{dac_step, dac_low, dac_high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}},
                       {extra, {key0, key1}, element0, {mode, bits, low, high, lsb, step, offset, bow, table}}, sample0, index, v, w, s2, parts,
                       out, fault);
}
// The same in larger tiles, for large products: the same bits.
// Bytes: v once per 64 columns, w (and s2) once per 64 rows of the batch, out once.
// Launch: any 1-D grid, blocks of 256, which take turns at tiles of 64 x 64.
// Faults: 30 an element of w is negative or NaN.
// step : (arrays, n_out) [A] what one code of each converter is taken for
extern "C" __global__ void __launch_bounds__(256, 2) pnn_read_mvm_large_f32(long long arrays, long long batch, long long n_in,
    long long n_out, float dac_step, float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1, float noise,
    unsigned noisy0, unsigned noisy1, float extra, unsigned key0, unsigned key1, long long element0, long long sample0,
    const long long* __restrict__ index, int mode, int bits, float low, float high, const float* __restrict__ lsb, const float* __restrict__ step,
    const float* __restrict__ offset, const float* __restrict__ bow, const float* __restrict__ table, const float* __restrict__ v,
    const float* __restrict__ w, const float* __restrict__ s2, float* __restrict__ parts, float* __restrict__ out, int* fault) {
    __shared__ pnn::product_tile<float, 64> tile;
    pnn::read_mvm<float, 64>(tile, pnn::by_threads<float, 64>(), arrays, batch, n_in, n_out,
                       {{dac_step, dac_low, dac_high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}},
                       {extra, {key0, key1}, element0, {mode, bits, low, high, lsb, step, offset, bow, table}}, sample0, index, v, w, s2, parts,
                       out, fault);
}
// The same by matrix units, of converted inputs, their squares, w and s2 rounded to bf16 or tf32.
// Bytes: v once per 32 columns, w (and s2) once per 32 rows of the batch, out once.
// Launch: any 1-D grid, blocks of 128, which take turns at tiles of 32 x 32.
// Faults: 30 an element of w is negative or NaN.
// bf16 : not 0: rounded to bf16; else to tf32
// step : (arrays, n_out) [A] what one code of each converter is taken for
extern "C" __global__ void __launch_bounds__(128, 4) pnn_read_units_f32(long long arrays, long long batch, long long n_in,
    long long n_out, int bf16, float dac_step, float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1, float noise,
    unsigned noisy0, unsigned noisy1, float extra, unsigned key0, unsigned key1, long long element0, long long sample0,
    const long long* __restrict__ index, int mode, int bits, float low, float high, const float* __restrict__ lsb, const float* __restrict__ step,
    const float* __restrict__ offset, const float* __restrict__ bow, const float* __restrict__ table, const float* __restrict__ v,
    const float* __restrict__ w, const float* __restrict__ s2, float* __restrict__ parts, float* __restrict__ out, int* fault) {
    __shared__ pnn::product_tile<float, 32> tile;
    pnn::read_mvm<float, 32>(tile, pnn::by_matrix_units<32>(bf16), arrays, batch, n_in, n_out,
                       {{dac_step, dac_low, dac_high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}},
                       {extra, {key0, key1}, element0, {mode, bits, low, high, lsb, step, offset, bow, table}}, sample0, index, v, w, s2, parts,
                       out, fault);
}
// The same by matrix units in larger tiles.
// Bytes: v once per 64 columns, w (and s2) once per 64 rows of the batch, out once.
// Launch: any 1-D grid, blocks of 256, which take turns at tiles of 64 x 64.
// Faults: 30 an element of w is negative or NaN.
// bf16 : not 0: rounded to bf16; else to tf32
// step : (arrays, n_out) [A] what one code of each converter is taken for
extern "C" __global__ void __launch_bounds__(256, 2) pnn_read_units_large_f32(long long arrays, long long batch, long long n_in,
    long long n_out, int bf16, float dac_step, float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1, float noise,
    unsigned noisy0, unsigned noisy1, float extra, unsigned key0, unsigned key1, long long element0, long long sample0,
    const long long* __restrict__ index, int mode, int bits, float low, float high, const float* __restrict__ lsb, const float* __restrict__ step,
    const float* __restrict__ offset, const float* __restrict__ bow, const float* __restrict__ table, const float* __restrict__ v,
    const float* __restrict__ w, const float* __restrict__ s2, float* __restrict__ parts, float* __restrict__ out, int* fault) {
    __shared__ pnn::product_tile<float, 64> tile;
    pnn::read_mvm<float, 64>(tile, pnn::by_matrix_units<64>(bf16), arrays, batch, n_in, n_out,
                       {{dac_step, dac_low, dac_high}, stochastic, {rounding0, rounding1}, noise, {noisy0, noisy1}},
                       {extra, {key0, key1}, element0, {mode, bits, low, high, lsb, step, offset, bow, table}}, sample0, index, v, w, s2, parts,
                       out, fault);
}
