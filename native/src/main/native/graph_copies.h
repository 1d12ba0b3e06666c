// Vectors that a graph holds more than once.
//
// A row is linked to the rows nearest to it. Where more rows than it has links are equal, these are all that it is linked to, and
// nothing may lead to them from outside. Graphs are therefore built of distinct vectors, and the copies of one are hung onto it: the
// first of equal rows, their original, links to one copy, from which a tree of links leads to all. Every copy links back to its original.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <faiss/IndexFlatCodes.h>
#include <faiss/IndexHNSW.h>

#include "graph_codes.h"

namespace tandem {
namespace detail {

// Equal vectors have equal hashes, zeros of either sign among them.
inline uint64_t hash_of(const float* x, int d) {
  uint64_t hash = 0;
  for (int i = 0; i < d; i++) {
    float value = x[i] + 0.0f;
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    hash = (hash ^ bits) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }
  return hash;
}

// For every row the first that equals it, mostly itself. Gives the number of those.
//
// x: size n * d, finite
inline int64_t find_originals(const float* x, int64_t n, int d, int32_t* originals) {
  std::vector<std::pair<uint64_t, int32_t>> order(n);
#pragma omp parallel for
  for (int64_t row = 0; row < n; row++) order[row] = {hash_of(x + row * d, d), static_cast<int32_t>(row)};
  std::sort(order.begin(), order.end());
  std::vector<int32_t> found; // originals of one hash
  for (int64_t i = 0; i < n; i++) {
    if (i == 0 || order[i].first != order[i - 1].first) found.clear();
    int32_t row = order[i].second;
    const float* vector = x + static_cast<int64_t>(row) * d;
    auto original = std::find_if(found.begin(), found.end(), [&](int32_t other) {
      return std::equal(vector, vector + d, x + static_cast<int64_t>(other) * d);
    });
    if (original == found.end()) original = found.insert(found.end(), row);
    originals[row] = *original;
  }
  int64_t distinct = 0;
  for (int64_t row = 0; row < n; row++) distinct += originals[row] == row;
  return distinct;
}

// Moves the rows of a graph of distinct vectors to where they are among n, and gives every copy the code of its original and no
// links. Nothing is copied elsewhere: from the last row on, no row moves to where another still is.
//
// places: of each row's original in the graph as it is
inline void spread(faiss::IndexHNSW* graph, int64_t n, const int32_t* originals, const std::vector<int32_t>& places) {
  faiss::HNSW& hnsw = graph->hnsw;
  auto storage = dynamic_cast<faiss::IndexFlatCodes*>(graph->storage);
  std::vector<int32_t> rows(graph->ntotal);
  for (int64_t row = 0; row < n; row++) {
    if (originals[row] == row) rows[places[row]] = row;
  }
  for (auto& link : hnsw.neighbors) {
    if (link >= 0) link = rows[link];
  }
  hnsw.entry_point = rows[hnsw.entry_point];
  std::vector<size_t> offsets(n + 1);
  std::vector<int> levels(n);
  for (int64_t row = 0; row < n; row++) {
    levels[row] = originals[row] == row ? hnsw.levels[places[row]] : 1;
    offsets[row + 1] = offsets[row] + hnsw.cum_nb_neighbors(levels[row]);
  }
  hnsw.neighbors.resize(offsets[n]);
  size_t size = storage->code_size;
  storage->codes.resize(n * size);
  auto links = hnsw.neighbors.begin();
  for (int64_t row = n - 1; row >= 0; row--) {
    int64_t place = places[row];
    if (originals[row] == row) {
      std::copy_backward(links + hnsw.offsets[place], links + hnsw.offsets[place + 1], links + offsets[row + 1]);
    } else {
      std::fill(links + offsets[row], links + offsets[row + 1], -1);
    }
    std::memmove(storage->codes.data() + row * size, storage->codes.data() + place * size, size);
  }
  hnsw.offsets.swap(offsets);
  hnsw.levels.swap(levels);
  storage->ntotal = graph->ntotal = n;
}

// Links an original to its copies, ascending.
inline void hang(faiss::HNSW& hnsw, int32_t original, const int32_t* copies, int64_t n) {
  // A copy's first link goes back; the first copy's second to what gave way to it, so that nothing is lost by that.
  const int back = 0, displaced = 1, children = 2;
  int degree = hnsw.nb_neighbors(0), branches = degree - children;
  auto links = [&](int32_t row) { return hnsw.neighbors.data() + hnsw.offsets[row]; };
  for (int64_t i = 0; i < n; i++) {
    links(copies[i])[back] = original;
    links(copies[i])[displaced] = original;
    if (i > 0) links(copies[(i - 1) / branches])[children + (i - 1) % branches] = copies[i];
  }
  int32_t* of = links(original);
  int32_t* free = std::find(of, of + degree, -1);
  if (free == of + degree) {
    free = of;
    links(copies[0])[displaced] = *free;
  }
  *free = copies[0];
}

// Makes a graph of distinct vectors, in the order of their first rows, one of all n. It has at least 4 links a row.
inline void add_copies(faiss::IndexHNSW* graph, int64_t n, const int32_t* originals) {
  std::vector<int32_t> places(n);
  std::vector<std::pair<int32_t, int32_t>> copies; // originals and rows
  int64_t distinct = 0;
  for (int64_t row = 0; row < n; row++) {
    int32_t original = originals[row];
    if (original < 0 || original > row || originals[original] != original) {
      throw std::invalid_argument("expected the first of equal rows, found " + std::to_string(original));
    }
    if (original == row) {
      places[row] = distinct++;
    } else {
      places[row] = places[original];
      copies.emplace_back(original, static_cast<int32_t>(row));
    }
  }
  if (distinct != graph->ntotal || !dynamic_cast<faiss::IndexFlatCodes*>(graph->storage) || graph->hnsw.nb_neighbors(0) < 4) {
    throw std::invalid_argument(
        "expected a graph of " + std::to_string(distinct) + " codes with at least 4 links, found one of " +
        std::to_string(graph->ntotal));
  }
  spread(graph, n, originals, places);
  std::sort(copies.begin(), copies.end());
  std::vector<int32_t> rows;
  for (size_t from = 0, to; from < copies.size(); from = to) {
    rows.clear();
    for (to = from; to < copies.size() && copies[to].first == copies[from].first; to++) rows.push_back(copies[to].second);
    hang(graph->hnsw, copies[from].first, rows.data(), rows.size());
  }
}

// For every row the next that equals it, in a ring; empty where a graph has no copies. They are told by their links.
//
// x:     the graph's vectors, size n * d
// codes: made of them
inline std::vector<int32_t> rings_of_copies(
    const faiss::HNSW& hnsw, const float* x, const Codes& codes, int64_t n, int d) {
  std::vector<int32_t> ring;
  for (int64_t row = 0; row < n; row++) {
    if (hnsw.levels[row] > 1) continue;
    int64_t original = hnsw.neighbors[hnsw.offsets[row]];
    // Scales of codes lie close together, so that looking at those first costs next to nothing.
    if (original < 0 || original >= row || *codes.scale(original) != *codes.scale(row) ||
        std::memcmp(x + original * d, x + row * d, d * sizeof(float)) != 0) {
      continue;
    }
    if (ring.empty()) {
      ring.resize(n);
      std::iota(ring.begin(), ring.end(), 0);
    }
    // No earlier row can be in the ring of this one, which is alone in its own so far.
    ring[row] = ring[original];
    ring[original] = row;
  }
  return ring;
}

} // namespace detail
} // namespace tandem
