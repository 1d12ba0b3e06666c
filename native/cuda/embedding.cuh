// Embedding tables: rows gathered and pooled; gradients summed by row and rows moved, at a cost that does not depend on
// the table's size. Tables are [rows, dim] row-major.
#pragma once
#include "device.cuh"

// out[row, column + i] (+)= sum over the row's values e of weights[e] * table[ids[e], i].
// lanes threads a row, a power of 2 up to 32.
KERNEL gather_pool(const float* table, int dim, const int* offsets, const int* ids, const float* weights, int rows,
                   float* out, int width, int column, int add, int lanes) {
  int thread = blockIdx.x * blockDim.x + threadIdx.x;
  int row = thread / lanes;
  if (row >= rows) return;
  int begin = offsets[row];
  int end = offsets[row + 1];
  float* target = out + static_cast<int64_t>(row) * width + column;
  for (int i = thread % lanes; i < dim; i += lanes) {
    float sum = add ? target[i] : 0.0f;
    for (int e = begin; e < end; e++) sum += weights[e] * table[static_cast<int64_t>(ids[e]) * dim + i];
    target[i] = sum;
  }
}

// out[row, column + i] = source[row, i] for i < count.
KERNEL place_columns(const float* source, int count, int rows, float* out, int width, int column) {
  int64_t place = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (place >= static_cast<int64_t>(rows) * count) return;
  int row = static_cast<int>(place / count);
  int i = static_cast<int>(place % count);
  out[static_cast<int64_t>(row) * width + column + i] = source[place];
}

// to[to_rows[i]] = from[from_rows[i]] for i < count; without numbers of rows, row i. No row of to twice.
KERNEL move_rows(const float* from, const int* from_rows, float* to, const int* to_rows, int count, int width) {
  int64_t place = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (place >= static_cast<int64_t>(count) * width) return;
  int row = static_cast<int>(place / width);
  int i = static_cast<int>(place % width);
  int64_t source = from_rows ? from_rows[row] : row;
  int64_t target = to_rows ? to_rows[row] : row;
  to[target * width + i] = from[source * width + i];
}

// Stable radix sort by 8 bits a pass: count, scan, scatter. A tile of 2048 keys a block of 256 threads; warp w holds
// 256 keys in a row, lane l of it every 32nd.
constexpr int SORT_THREADS = 256;
constexpr int SORT_ROUNDS = 8;
constexpr int SORT_TILE = SORT_THREADS * SORT_ROUNDS;
constexpr int DIGITS = 256;

// counts[digit * tiles + tile]
KERNEL sort_count(const int* keys, int n, int shift, int* counts, int tiles) {
  __shared__ int histogram[DIGITS];
  histogram[threadIdx.x] = 0;
  __syncthreads();
  int base = blockIdx.x * SORT_TILE;
  for (int i = threadIdx.x; i < SORT_TILE; i += SORT_THREADS) {
    if (base + i < n) atomicAdd(&histogram[(static_cast<unsigned>(keys[base + i]) >> shift) & (DIGITS - 1)], 1);
  }
  __syncthreads();
  counts[threadIdx.x * tiles + blockIdx.x] = histogram[threadIdx.x];
}

// Replaces n numbers by the sums of those before them. One block of 1024 threads.
KERNEL exclusive_scan(int* values, int n) {
  __shared__ int warps[32];
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int carry = 0;
  for (int base = 0; base < n; base += 4096) {
    int at = base + threadIdx.x * 4;
    int part[4];
    int own = 0;
    for (int i = 0; i < 4; i++) {
      part[i] = at + i < n ? values[at + i] : 0;
      own += part[i];
    }
    int sum = own;
    for (int step = 1; step < 32; step <<= 1) {
      int other = __shfl_up_sync(FULL, sum, step);
      if (lane >= step) sum += other;
    }
    if (lane == 31) warps[warp] = sum;
    __syncthreads();
    int before = 0;
    int total = 0;
    for (int w = 0; w < 32; w++) {
      if (w < warp) before += warps[w];
      total += warps[w];
    }
    int running = carry + before + sum - own;
    for (int i = 0; i < 4; i++) {
      if (at + i < n) values[at + i] = running;
      running += part[i];
    }
    carry += total;
    __syncthreads();
  }
}

// values may be null for 0, 1, 2...
KERNEL sort_scatter(const int* keys, const int* values, int n, int shift, const int* starts, int tiles, int* sorted_keys,
                    int* sorted_values) {
  __shared__ int counters[SORT_THREADS / 32][DIGITS];
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  for (int i = threadIdx.x; i < SORT_THREADS / 32 * DIGITS; i += SORT_THREADS) (&counters[0][0])[i] = 0;
  __syncthreads();
  int base = blockIdx.x * SORT_TILE + warp * (SORT_TILE / (SORT_THREADS / 32)) + lane;
  int key[SORT_ROUNDS];
  int rank[SORT_ROUNDS];
#pragma unroll
  for (int round = 0; round < SORT_ROUNDS; round++) {
    int at = base + round * 32;
    bool valid = at < n;
    key[round] = valid ? keys[at] : 0;
    unsigned digit = (static_cast<unsigned>(key[round]) >> shift) & (DIGITS - 1);
    unsigned peers = __match_any_sync(FULL, valid ? digit : DIGITS);
    int before = __popc(peers & ((1u << lane) - 1));
    int counted = valid ? counters[warp][digit] : 0;
    __syncwarp();
    if (valid && before == 0) counters[warp][digit] = counted + __popc(peers);
    __syncwarp();
    rank[round] = counted + before;
  }
  __syncthreads();
  int running = starts[threadIdx.x * tiles + blockIdx.x];
  for (int w = 0; w < SORT_THREADS / 32; w++) {
    int count = counters[w][threadIdx.x];
    counters[w][threadIdx.x] = running;
    running += count;
  }
  __syncthreads();
#pragma unroll
  for (int round = 0; round < SORT_ROUNDS; round++) {
    int at = base + round * 32;
    if (at >= n) continue;
    unsigned digit = (static_cast<unsigned>(key[round]) >> shift) & (DIGITS - 1);
    int to = counters[warp][digit] + rank[round];
    sorted_keys[to] = key[round];
    sorted_values[to] = values == nullptr ? at : values[at];
  }
}

// How rows move. kind 0: row-wise Adagrad, first[row] is the mean square's sum. kind 1: Adam, first and second moments
// [rows, dim]; rate then holds the bias correction.
struct RowOptimizer {
  float* table;
  float* first;
  float* second;
  int dim;
  int kind;
  float rate;
  float beta1;
  float beta2;
  float epsilon;
};

template <int VALUES>
__device__ __forceinline__ void move_row(const RowOptimizer& o, int row, const float* sum, int lane) {
  int64_t from = static_cast<int64_t>(row) * o.dim;
  float step = o.rate;
  if (o.kind == 0) {
    float squares = 0.0f;
#pragma unroll
    for (int v = 0; v < VALUES; v++) squares += sum[v] * sum[v];
    squares = warp_sum(squares);
    float accumulated = o.first[row] + squares / o.dim;
    __syncwarp();
    if (lane == 0) o.first[row] = accumulated;
    step = o.rate / (sqrtf(accumulated) + o.epsilon);
  }
#pragma unroll
  for (int v = 0; v < VALUES; v++) {
    int i = v * 32 + lane;
    if (i < o.dim) {
      float move = sum[v];
      if (o.kind == 1) {
        float m = o.beta1 * o.first[from + i] + (1 - o.beta1) * sum[v];
        float q = o.beta2 * o.second[from + i] + (1 - o.beta2) * sum[v] * sum[v];
        o.first[from + i] = m;
        o.second[from + i] = q;
        move = m / (sqrtf(q) + o.epsilon);
      }
      o.table[from + i] -= step * move;
    }
  }
}

// Positions of a chunk, a warp each.
constexpr int CHUNK = 32;

// A warp walks CHUNK sorted positions. A row whose positions all lie among them is moved; of one that began before
// goes the sum to heads[chunk], of one that goes on after to tails[chunk]. Sums are in the order of the positions.
template <int VALUES>
__device__ __forceinline__ void row_sums(const int* rows, const int* order, const int* sources, const float* weights,
                                         const float* gradients, int n, RowOptimizer o, float* heads, float* tails) {
  int chunk = (blockIdx.x * blockDim.x + threadIdx.x) >> 5;
  int lane = threadIdx.x & 31;
  int begin = chunk * CHUNK;
  if (begin >= n) return;
  int count = min(CHUNK, n - begin);
  int row = lane < count ? rows[begin + lane] : -1;
  int entry = lane < count ? order[begin + lane] : 0;
  int source = sources[entry];
  float weight = weights[entry];
  int previous = begin > 0 ? rows[begin - 1] : -1;
  int next = begin + count < n ? rows[begin + count] : -1;
  float sum[VALUES];
#pragma unroll
  for (int v = 0; v < VALUES; v++) sum[v] = 0.0f;
  bool first = true;
  for (int p = 0; p < count; p++) {
    int current = __shfl_sync(FULL, row, p);
    const float* gradient = gradients + __shfl_sync(FULL, source, p);
    float w = __shfl_sync(FULL, weight, p);
#pragma unroll
    for (int v = 0; v < VALUES; v++) {
      int i = v * 32 + lane;
      if (i < o.dim) sum[v] += w * gradient[i];
    }
    int after = p + 1 < count ? __shfl_sync(FULL, row, min(p + 1, 31)) : next;
    if (after == current && p + 1 < count) continue;
    bool began = first && current == previous;
    bool goes_on = after == current;
    if (began || goes_on) {
      float* to = (began ? heads : tails) + static_cast<int64_t>(chunk) * o.dim;
#pragma unroll
      for (int v = 0; v < VALUES; v++) {
        int i = v * 32 + lane;
        if (i < o.dim) to[i] = sum[v];
      }
    } else {
      move_row<VALUES>(o, current, sum, lane);
    }
#pragma unroll
    for (int v = 0; v < VALUES; v++) sum[v] = 0.0f;
    first = false;
  }
}

// Moves the rows that reach over the end of a chunk: its tail and the heads of the chunks after, up to the row's last.
template <int VALUES>
__device__ __forceinline__ void row_carries(const int* rows, int n, RowOptimizer o, const float* heads,
                                            const float* tails) {
  int chunk = (blockIdx.x * blockDim.x + threadIdx.x) >> 5;
  int lane = threadIdx.x & 31;
  int begin = chunk * CHUNK;
  int end = begin + CHUNK;
  if (end >= n) return;
  int row = rows[end - 1];
  bool began = rows[begin] == row && begin > 0 && rows[begin - 1] == row;
  if (rows[end] != row || began) return;
  float sum[VALUES];
#pragma unroll
  for (int v = 0; v < VALUES; v++) {
    int i = v * 32 + lane;
    sum[v] = i < o.dim ? tails[static_cast<int64_t>(chunk) * o.dim + i] : 0.0f;
  }
  for (int c = chunk + 1; c * CHUNK < n && rows[c * CHUNK] == row; c++) {
#pragma unroll
    for (int v = 0; v < VALUES; v++) {
      int i = v * 32 + lane;
      if (i < o.dim) sum[v] += heads[static_cast<int64_t>(c) * o.dim + i];
    }
  }
  move_row<VALUES>(o, row, sum, lane);
}

#define ROW_KERNELS(VALUES)                                                                                            \
  KERNEL row_sums_##VALUES(const int* rows, const int* order, const int* sources, const float* weights,               \
                           const float* gradients, int n, float* table, float* first, float* second, int dim,         \
                           int kind, float rate, float beta1, float beta2, float epsilon, float* heads,               \
                           float* tails) {                                                                             \
    row_sums<VALUES>(rows, order, sources, weights, gradients, n,                                                      \
                     RowOptimizer{table, first, second, dim, kind, rate, beta1, beta2, epsilon}, heads, tails);        \
  }                                                                                                                    \
  KERNEL row_carries_##VALUES(const int* rows, int n, float* table, float* first, float* second, int dim, int kind,   \
                              float rate, float beta1, float beta2, float epsilon, const float* heads,                \
                              const float* tails) {                                                                    \
    row_carries<VALUES>(rows, n, RowOptimizer{table, first, second, dim, kind, rate, beta1, beta2, epsilon}, heads,    \
                        tails);                                                                                        \
  }

// dim up to 32 * VALUES
ROW_KERNELS(1)
ROW_KERNELS(2)
ROW_KERNELS(4)
ROW_KERNELS(8)
ROW_KERNELS(32)
