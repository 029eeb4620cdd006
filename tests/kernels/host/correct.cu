// Correct kernels with every feature the host runner models: they must pass in all builds and all thread orders.
__device__ __forceinline__ float warp_sum(float v) {
#pragma unroll
  for (int o = 16; o > 0; o >>= 1) v += __shfl_down_sync(0xffffffffu, v, o);
  return v;
}
extern "C" __global__ void __launch_bounds__(256) saxpy(float a, const float* __restrict__ x, float* __restrict__ y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = a * __ldg(&x[i]) + y[i];
}
extern "C" __global__ void __launch_bounds__(256) reduce(const float* __restrict__ x, float* out, int n) {
  __shared__ float part[32];
  float v = 0.0f;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) v += x[i];
  v = warp_sum(v);
  int lane = threadIdx.x & 31, w = threadIdx.x >> 5;
  if (lane == 0) part[w] = v;
  __syncthreads();
  if (w == 0) {
    v = lane < (int)(blockDim.x >> 5) ? part[lane] : 0.0f;
    v = warp_sum(v);
    if (lane == 0) atomicAdd(out, v);
  }
}
extern "C" __global__ void tree(const float* x, float* out) {   // shared tree reduction, dynamic shared memory
  extern __shared__ float s[];
  int t = threadIdx.x;
  s[t] = x[blockIdx.x * blockDim.x + t];
  __syncthreads();
  for (int h = blockDim.x / 2; h > 0; h >>= 1) {
    if (t < h) s[t] += s[t + h];
    __syncthreads();
  }
  if (t == 0) out[blockIdx.x] = s[0];
}
#define T 16
extern "C" __global__ void __launch_bounds__(256) gemm(const float* __restrict__ A, const float* __restrict__ B, float* __restrict__ C, int M, int N, int K) {
  __shared__ float sA[T][T], sB[T][T + 1];
  int tx = threadIdx.x, ty = threadIdx.y, r = blockIdx.y * T + ty, c = blockIdx.x * T + tx;
  float acc = 0.0f;
  for (int k = 0; k < K; k += T) {
    sA[ty][tx] = r < M && k + tx < K ? A[r * K + k + tx] : 0.0f;
    sB[ty][tx] = k + ty < K && c < N ? B[(k + ty) * N + c] : 0.0f;
    __syncthreads();
#pragma unroll
    for (int j = 0; j < T; j++) acc = fmaf(sA[ty][j], sB[j][tx], acc);
    __syncthreads();
  }
  if (r < M && c < N) C[r * N + c] = acc;
}
extern "C" __global__ void __launch_bounds__(128) fft256(const float2* __restrict__ in, float2* __restrict__ out, float sign) {
  __shared__ float2 s[256];   // radix-2 decimation in time; 128 threads, one butterfly each per stage
  int t = threadIdx.x; const float2* p = in + blockIdx.x * 256;
  for (int i = t; i < 256; i += 128) s[__brev((unsigned)i) >> 24] = p[i];
  __syncthreads();
  for (int h = 1; h < 256; h <<= 1) {
    int j = t & (h - 1), i0 = ((t - j) << 1) + j, i1 = i0 + h;
    float sn, cs; sincospif(sign * (float)j / (float)h, &sn, &cs);
    float2 a = s[i0], b = s[i1], w = make_float2(b.x * cs - b.y * sn, b.x * sn + b.y * cs);
    __syncthreads();
    s[i0] = make_float2(a.x + w.x, a.y + w.y); s[i1] = make_float2(a.x - w.x, a.y - w.y);
    __syncthreads();
  }
  for (int i = t; i < 256; i += 128) out[blockIdx.x * 256 + i] = s[i];
}
extern "C" __global__ void misc(const int4* in, float4* out, int* hist, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  unsigned full = 0xffffffffu;
  float v = (float)threadIdx.x; 
  for (int m = 16; m; m >>= 1) v += __shfl_xor_sync(full, v, m);
  unsigned b = __ballot_sync(full, threadIdx.x & 1);
  float up = __shfl_up_sync(full, (float)threadIdx.x, 1);
  __syncwarp();
  if (i < n) {
    int4 q = in[i];
    atomicAdd(&hist[q.x & 7], 1);
    out[i] = make_float4(v, (float)__popc(b), up, rsqrtf((float)(q.w + 1)));
  }
}
