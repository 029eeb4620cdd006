// Planted bugs, one per kernel: test_host.py says which build of the host runner must find each. nvcc compiles all of them.
extern "C" __global__ void oob_global(float* y, int n) { int i = blockIdx.x * blockDim.x + threadIdx.x; y[i] = 1.0f; }
extern "C" __global__ void oob_shared(float* y, int k) {
  __shared__ float a[64]; __shared__ float b[64];
  a[threadIdx.x] = 1.0f; b[threadIdx.x] = 2.0f; __syncthreads();
  float* p = a; p[threadIdx.x + k] = 3.0f; __syncthreads();
  y[threadIdx.x] = a[threadIdx.x] + b[threadIdx.x];
}
extern "C" __global__ void oob_shared_idx(float* y, int k) { __shared__ float a[64]; a[threadIdx.x + k] = 3.0f; __syncthreads(); y[threadIdx.x] = a[threadIdx.x]; }
extern "C" __global__ void oob_dyn(float* y, int k) { extern __shared__ float s[]; s[threadIdx.x + k] = 1.0f; __syncthreads(); y[threadIdx.x] = s[threadIdx.x]; }
extern "C" __global__ void oob_local(float* y, int k) { float r[4]; for (int i = 0; i < 4 + k; i++) { volatile float* p = r; p[i] = i; } y[threadIdx.x] = r[threadIdx.x & 3]; }
extern "C" __global__ void misalign(float* y, int k) { float4* p = (float4*)(y + k); p[threadIdx.x] = make_float4(1, 2, 3, 4); }
extern "C" __global__ void shift(int* y, int k) { y[threadIdx.x] = 1 << (threadIdx.x + k); }
extern "C" __global__ void uninit_shared(float* y, int k) { __shared__ float a[64]; if (k) a[threadIdx.x] = 1; __syncthreads(); y[threadIdx.x] = a[threadIdx.x]; }
extern "C" __global__ void div_barrier(float* y, int k) {
  if (threadIdx.x < k) {
    __syncthreads();
    y[threadIdx.x] = 1;
  } else {
    __syncthreads();
    y[threadIdx.x] = 2;
  }
}
extern "C" __global__ void exit_barrier(float* y, int n) { if (threadIdx.x >= n) return; __syncthreads(); y[threadIdx.x] = 1; }
extern "C" __global__ void bar_vs_shfl(float* y, int k) { float v = 1; if (threadIdx.x < k) v = __shfl_xor_sync(0xffffffffu, v, 1); else __syncthreads(); y[threadIdx.x] = v; }
extern "C" __global__ void partial_mask(float* y, int k) { float v = threadIdx.x; if (threadIdx.x < k) v += __shfl_down_sync(0xffffffffu, v, 1); y[threadIdx.x] = v; }
extern "C" __global__ void race_reverse(const float* x, float* y) { __shared__ float s[256]; s[threadIdx.x] = x[threadIdx.x]; y[threadIdx.x] = s[255 - threadIdx.x]; }
extern "C" __global__ void race_fwd(const float* x, float* y) { __shared__ float s[256]; int t = threadIdx.x; s[t] = x[t]; y[t] = t ? s[t - 1] : 0; }   // right in ascending order
extern "C" __global__ void race_bwd(const float* x, float* y) { __shared__ float s[257]; int t = threadIdx.x; s[t] = x[t]; if (t == 255) s[256] = 0; y[t] = s[t + 1]; }   // right in descending order
extern "C" __global__ void race_tree(const float* x, float* y) {   // barrier missing inside the loop
  __shared__ float s[256]; int t = threadIdx.x; s[t] = x[t]; __syncthreads();
  for (int h = 128; h > 0; h >>= 1) { if (t < h) s[t] += s[t + h]; }
  __syncthreads(); if (t == 0) y[0] = s[0];
}
extern "C" __global__ void race_war(const float* x, float* y) {   // second barrier of a tile loop missing
  __shared__ float s[256]; int t = threadIdx.x; float acc = 0;
  for (int k = 0; k < 4; k++) { s[t] = x[k * 256 + t]; __syncthreads(); acc += s[(t + 128) & 255]; }
  y[t] = acc;
}
extern "C" __global__ void race_same(float* y) { __shared__ int flag; if (threadIdx.x == 0) flag = 0; __syncthreads(); if (threadIdx.x & 1) flag = 1; if (threadIdx.x == 7) y[0] = flag; }
extern "C" __global__ void race_global(float* y) { y[0] += 1.0f; }        // non-atomic, one thread per block
extern "C" __global__ void race_warp(const float* x, float* y) {           // old warp-synchronous style, no __syncwarp
  __shared__ volatile float s[64]; int t = threadIdx.x; s[t] = x[t]; if (t < 32) s[t + 32] = 0;
  s[t] += s[t + 16]; s[t] += s[t + 8]; s[t] += s[t + 4]; s[t] += s[t + 2]; s[t] += s[t + 1]; if (t == 0) y[0] = s[0];
}
extern "C" __global__ void ok_warp(const float* x, float* y) {             // the same with __syncwarp: must be clean
  __shared__ float s[64]; int t = threadIdx.x; s[t] = x[t]; s[t + 32] = 0; __syncwarp();
  for (int h = 16; h; h >>= 1) { float v = s[t] + s[t + h]; __syncwarp(); s[t] = v; __syncwarp(); }
  if (t == 0) y[0] = s[0];
}
