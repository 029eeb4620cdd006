// What a launch of the kernels in crossbar/read.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/read.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/converters.cuh"
#include "pnnkern/product.cuh"

namespace pnn {
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
        PNN_UNROLL
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
        PNN_UNROLL
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
            PNN_UNROLL
            for (int j = 0; j < 4; j++) x[j] = add_(x[j], more[j]);
            if (!variance) continue;
            load4(variance + slice * all + at, many, whole, more);
            PNN_UNROLL
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
        PNN_UNROLL_BY(1)
        for (int squares = part >= slices; squares <= (part >= slices || (s2 && !parts)); squares++) {
            auto prepare = [&](i64 row, i64 k, T x[4]) {
                if (converts) inputs(k >> 2, sample_of(row, sample0, index), n_in - k, x);
                PNN_UNROLL
                for (int j = 0; j < 4; j++) if (squares) x[j] = mul_(x[j], x[j]);
            };
            tile_sums(tile, squares ? tile.second : tile.first, by, batch, n_in, n_out, row0, column0, first, last, v,
                      (squares ? s2 : w) + cells, converts || squares, prepare, !squares && row0 == 0, check);
        }
        PNN_UNROLL_BY(1)
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
#endif
