// Embedding tables: rows gathered and pooled; gradients summed by row and rows moved, at a cost that does not depend on
// the table's size. Tables are [rows, dim] row-major.
#pragma once
#include "device.cuh"

// Whether 16 bytes from here on can be moved at once.
__device__ __forceinline__ bool together(const float* place) { return (reinterpret_cast<uintptr_t>(place) & 15) == 0; }

// A matrix row has a segment for each of its columns: segment s is that of row s / segments, and
// out[s / segments, columns[s % segments] + i] (+)= sum over its values e of weights[e] * table[ids[e], i].
// 1 << lane_bits threads a segment, up to 32; where 16 bytes of a table's row lie together, a thread takes 4 numbers.
KERNEL gather_pool(const float* __restrict__ table, int dim, const int* __restrict__ columns, int segments,
                   const int* __restrict__ offsets, const int* __restrict__ ids, const float* __restrict__ weights,
                   int count, float* __restrict__ out, int width, int add, int lane_bits) {
  int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if ((thread >> lane_bits) >= count) return;
  int segment = static_cast<int>(thread >> lane_bits);
  int lanes = 1 << lane_bits;
  int lane = threadIdx.x & (lanes - 1);
  int row = segment / segments;
  int begin = offsets[segment];
  int end = offsets[segment + 1];
  float* target = out + static_cast<int64_t>(row) * width + columns[segment - row * segments];
  if (dim % 4 != 0 || !together(table)) {
    for (int i = lane; i < dim; i += lanes) {
      float sum = add ? target[i] : 0.0f;
#pragma unroll 4
      for (int e = begin; e < end; e++) sum += weights[e] * table[static_cast<int64_t>(ids[e]) * dim + i];
      target[i] = sum;
    }
    return;
  }
  const float4* quads = reinterpret_cast<const float4*>(table);
  int wide = dim / 4;
  bool whole = together(target);
  for (int i = lane; i < wide; i += lanes) {
    float* to = target + 4 * i;
    float4 sum = {0.0f, 0.0f, 0.0f, 0.0f};
    if (add) sum = {to[0], to[1], to[2], to[3]};
#pragma unroll 4
    for (int e = begin; e < end; e++) {
      float weight = weights[e];
      float4 quad = quads[static_cast<int64_t>(ids[e]) * wide + i];
      sum.x += weight * quad.x;
      sum.y += weight * quad.y;
      sum.z += weight * quad.z;
      sum.w += weight * quad.w;
    }
    if (whole) {
      *reinterpret_cast<float4*>(to) = sum;
    } else {
      to[0] = sum.x;
      to[1] = sum.y;
      to[2] = sum.z;
      to[3] = sum.w;
    }
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

// Sum over the lanes before.
__device__ __forceinline__ int warp_before(int own, int lane) {
  int sum = own;
  for (int step = 1; step < 32; step <<= 1) {
    int other = __shfl_up_sync(FULL, sum, step);
    if (lane >= step) sum += other;
  }
  return sum - own;
}

// Replaces a digit's counts by the sums of those in the tiles before; totals[digit] receives the sum of all. A warp a
// digit, a thread four tiles at a time.
KERNEL sort_scan(int* counts, int tiles, int* totals) {
  int digit = (blockIdx.x * blockDim.x + threadIdx.x) >> 5;
  int lane = threadIdx.x & 31;
  int* own = counts + static_cast<int64_t>(digit) * tiles;
  int carry = 0;
  for (int base = 0; base < tiles; base += 128) {
    int at = base + lane * 4;
    int part[4];
    int four = 0;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      part[i] = at + i < tiles ? own[at + i] : 0;
      four += part[i];
    }
    int running = carry + warp_before(four, lane);
#pragma unroll
    for (int i = 0; i < 4; i++) {
      if (at + i < tiles) own[at + i] = running;
      running += part[i];
    }
    carry = __shfl_sync(FULL, running, 31);
  }
  if (lane == 0) totals[digit] = carry;
}

// starts and totals as sort_scan leaves them; values may be null for 0, 1, 2...
KERNEL sort_scatter(const int* keys, const int* values, int n, int shift, const int* starts, const int* totals,
                    int tiles, int* sorted_keys, int* sorted_values) {
  __shared__ int counters[SORT_THREADS / 32][DIGITS];
  __shared__ int warps[SORT_THREADS / 32];
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  // Where a thread's digit begins: 256 threads, a digit each.
  int total = totals[threadIdx.x];
  int running = starts[threadIdx.x * tiles + blockIdx.x] + warp_before(total, lane);
  int in_warp = warp_sum(total);
  if (lane == 0) warps[warp] = in_warp;
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
  for (int w = 0; w < warp; w++) running += warps[w];
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

// Positions whose gradients are asked for before the first is added, so that their ways from memory overlap.
template <int VALUES>
constexpr int AHEAD = VALUES == 1 ? 8 : VALUES <= 4 ? 4 : 1;

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
  for (int from = 0; from < count; from += AHEAD<VALUES>) {
    // Of places past the end too: they name entry 0.
    float ahead[AHEAD<VALUES>][VALUES];
#pragma unroll
    for (int a = 0; a < AHEAD<VALUES>; a++) {
      const float* gradient = gradients + __shfl_sync(FULL, source, from + a);
#pragma unroll
      for (int v = 0; v < VALUES; v++) {
        int i = v * 32 + lane;
        ahead[a][v] = i < o.dim ? gradient[i] : 0.0f;
      }
    }
#pragma unroll
    for (int a = 0; a < AHEAD<VALUES>; a++) {
      int p = from + a;
      if (p >= count) break;
      int current = __shfl_sync(FULL, row, p);
      float w = __shfl_sync(FULL, weight, p);
#pragma unroll
      for (int v = 0; v < VALUES; v++) sum[v] += w * ahead[a][v];
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
}

// Heads that are asked for before the first is added.
template <int VALUES>
constexpr int HEADS = VALUES <= 4 ? 8 : 1;

// sum += heads[c] + heads[c + 1] ..., in this order.
template <int VALUES, int COUNT>
__device__ __forceinline__ void add_heads(const float* heads, int c, int dim, int lane, float* sum) {
  float part[COUNT][VALUES];
#pragma unroll
  for (int h = 0; h < COUNT; h++) {
#pragma unroll
    for (int v = 0; v < VALUES; v++) {
      int i = v * 32 + lane;
      part[h][v] = i < dim ? heads[static_cast<int64_t>(c + h) * dim + i] : 0.0f;
    }
  }
#pragma unroll
  for (int h = 0; h < COUNT; h++) {
#pragma unroll
    for (int v = 0; v < VALUES; v++) sum[v] += part[h][v];
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
  // The last chunk that begins with the row: by steps that double, then by halves.
  int chunks = (n - 1) / CHUNK + 1;
  auto begins = [&](int c) { return c < chunks && rows[c * CHUNK] == row; };
  int reach = 1;
  while (begins(chunk + 2 * reach)) reach *= 2;
  int last = chunk + reach;
  for (int step = reach / 2; step > 0; step /= 2) {
    if (begins(last + step)) last += step;
  }
  int c = chunk + 1;
  for (; c + HEADS<VALUES> - 1 <= last; c += HEADS<VALUES>) {
    add_heads<VALUES, HEADS<VALUES>>(heads, c, o.dim, lane, sum);
  }
  for (; c <= last; c++) add_heads<VALUES, 1>(heads, c, o.dim, lane, sum);
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
