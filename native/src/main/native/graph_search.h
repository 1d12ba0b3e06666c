// The search of an HNSW graph (Malkov and Yashunin 2016) that FAISS built, for one query.
//
// FAISS 1.7.3 looks for the next candidate by passing over all of them, twice a step, calls a virtual function for every
// distance, and waits for every vector to come from memory. Here candidates stay sorted, a step walks from several of them, so
// that their links and vectors come from memory together, and the rows seen are one bit each. What is found is the same: the best of what a beam of width ef sees. Where codes
// of the vectors are given, the walk goes by them, and the vectors themselves score what it found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/impl/DistanceComputer.h>
#include <faiss/impl/IDSelector.h>

#include "dot_products.h"
#include "graph_codes.h"

namespace tandem {
namespace detail {

// Which rows may be returned.
struct EveryRow {
  bool operator()(int64_t) const {
    return true;
  }
};

// Row i where bit i % 8 of byte i / 8 is set.
struct BitRows {
  const uint8_t* bits;
  int64_t bytes;
  bool operator()(int64_t row) const {
    return (row >> 3) < bytes && (bits[row >> 3] >> (row & 7) & 1);
  }
  // The first member from some row on, or -1.
  int64_t next(int64_t row) const {
    for (int64_t byte = row >> 3; byte < bytes; byte++, row = byte << 3) {
      unsigned left = bits[byte] >> (row & 7);
      if (left) return row + __builtin_ctz(left);
      while (byte + 1 < bytes && !bits[byte + 1]) byte++;
    }
    return -1;
  }
};

struct SelectedRows {
  const faiss::IDSelector* selector;
  bool operator()(int64_t row) const {
    return selector->is_member(row);
  }
};

// Scores of stored vectors, greater is nearer.
struct FlatScores {
  const float* x;
  const float* base;
  size_t d;
  void prefetch(int64_t row) const {
    const char* at = reinterpret_cast<const char*>(base + row * d);
    size_t bytes = std::min<size_t>(d * sizeof(float), 512);
    for (size_t b = 0; b < bytes; b += 64) __builtin_prefetch(at + b);
  }
  void score(const int32_t* rows, size_t n, float* out) const {
    dot_rows(x, base, d, rows, n, out);
  }
};

// The same by their codes, nearly.
struct CodedScores {
  const CodedQuery& query;
  const Codes& codes;
  void prefetch(int64_t row) const {
    for (size_t b = 0; b < codes.width(); b += 64) __builtin_prefetch(codes.code(row) + b);
    __builtin_prefetch(codes.scale(row));
  }
  void score(const int32_t* rows, size_t n, float* out) const {
    query.score(codes, rows, n, out);
  }
};

struct ComputedScores {
  faiss::DistanceComputer* computer;
  float sign;
  void prefetch(int64_t) const {}
  void score(const int32_t* rows, size_t n, float* out) const {
    for (size_t i = 0; i < n; i++) out[i] = sign * (*computer)(rows[i]);
  }
};

// The best rows so far, best first, of which some were walked from already. Bounded.
class Beam {
 public:
  void reset(size_t width) {
    width_ = width;
    size_ = 0;
    entries_.resize(width + 1);
  }
  size_t size() const {
    return size_;
  }
  bool takes(float score) const {
    return size_ < width_ || score > entries_[size_ - 1].score;
  }
  // Where it was put.
  size_t insert(float score, int32_t row) {
    Entry* begin = entries_.data();
    Entry* end = begin + size_;
    Entry* at = std::upper_bound(begin, end, score, [](float s, const Entry& e) { return s > e.score; });
    if (size_ < width_) size_++; else end--;
    std::copy_backward(at, end, end + 1);
    *at = Entry{score, row};
    return at - begin;
  }
  float score(size_t i) const {
    return entries_[i].score;
  }
  int32_t row(size_t i) const {
    return entries_[i].row < 0 ? ~entries_[i].row : entries_[i].row;
  }
  bool walked(size_t i) const {
    return entries_[i].row < 0;
  }
  void walk(size_t i) {
    entries_[i].row = ~entries_[i].row;
  }

 private:
  struct Entry {
    float score;
    int32_t row; // its complement once walked from
  };
  std::vector<Entry> entries_;
  size_t width_ = 0, size_ = 0;
};

// What a thread keeps for its searches: as many bits as the largest graph that it searched has rows.
class GraphScratch {
 public:
  Beam beam; // rows to walk from
  Beam hits; // rows that may be returned, where those are others
  std::vector<int32_t> batch;
  std::vector<int32_t> hidden; // those seen as their complement
  std::vector<float> scores;
  std::vector<std::pair<float, int32_t>> ordered;
  CodedQuery query;

  void begin(size_t rows) {
    if (seen_.size() < (rows + 63) / 64) seen_.resize((rows + 63) / 64);
    for (int32_t word : touched_) seen_[word] = 0;
    touched_.clear();
  }
  // Whether a row is new, which it is once.
  bool see(int32_t row) {
    uint64_t bit = uint64_t(1) << (row & 63);
    uint64_t& word = seen_[row >> 6];
    if (word & bit) return false;
    if (!word) touched_.push_back(row >> 6);
    word |= bit;
    return true;
  }
  static int32_t row(int32_t entry) {
    return entry < 0 ? ~entry : entry;
  }
  static GraphScratch& of_thread() {
    thread_local GraphScratch scratch;
    return scratch;
  }

 private:
  std::vector<uint64_t> seen_;
  std::vector<int32_t> touched_;
};

// Rows that one step walks from. All rows of a beam are walked from in the end: few steps more are taken than one by one.
const int AT_ONCE = 4;

// What a filter does to a walk.
enum class Filter {
  NONE,
  // The walk passes all rows and keeps the allowed ones: where most are allowed.
  COLLECT,
  // The walk passes allowed rows only: where few are.
  HIDE
};

// Scores the rows gathered in the scratch and offers them to the beam; gives the best place that one took, or the beam's end.
template <Filter FILTER, class Allowed, class Scores>
inline size_t offer(const Allowed& allowed, const Scores& scores, GraphScratch& scratch) {
  size_t n = scratch.batch.size();
  scratch.scores.resize(n);
  scores.score(scratch.batch.data(), n, scratch.scores.data());
  size_t best = std::numeric_limits<size_t>::max();
  for (size_t i = 0; i < n; i++) {
    float score = scratch.scores[i];
    int32_t row = scratch.batch[i];
    if (scratch.beam.takes(score)) best = std::min(best, scratch.beam.insert(score, row));
    if (FILTER == Filter::COLLECT && scratch.hits.takes(score) && allowed(row)) scratch.hits.insert(score, row);
  }
  return best;
}

inline void prefetch_links(const faiss::HNSW& hnsw, int32_t row, int degree) {
  const int32_t* links = hnsw.neighbors.data() + hnsw.offsets[row];
  for (int i = 0; i < degree; i += 16) __builtin_prefetch(links + i);
}

// Gathers the new neighbours of a row that may be returned, after those gathered before. Where those are few, because most are hidden by the filter, the
// neighbours' neighbours stand in for them, so that the allowed rows stay connected (as in ACORN-1, Patel et al. 2024). Copies of a hidden row
// are as near as itself.
//
// ring: of equal rows, or null
template <Filter FILTER, class Allowed, class Scores>
inline void gather(
    const faiss::HNSW& hnsw,
    const int32_t* ring,
    int32_t row,
    const Allowed& allowed,
    const Scores& scores,
    GraphScratch& scratch) {
  scratch.hidden.clear();
  const int32_t* links = hnsw.neighbors.data() + hnsw.offsets[row];
  int degree = hnsw.nb_neighbors(0);
  int reached = 0;
  for (int i = 0; i < degree && links[i] >= 0; i++) {
    int32_t to = links[i];
    if (FILTER == Filter::HIDE && !allowed(to)) {
      if (!ring || ring[to] == to) {
        scratch.hidden.push_back(to);
      } else if (scratch.see(to)) {
        scratch.hidden.push_back(~to);
        for (int32_t copy = ring[to]; copy != to; copy = ring[copy]) {
          if (!allowed(copy) || !scratch.see(copy)) continue;
          reached++;
          scores.prefetch(copy);
          scratch.batch.push_back(copy);
        }
      }
      continue;
    }
    reached++;
    if (scratch.see(to)) {
      scores.prefetch(to);
      scratch.batch.push_back(to);
    }
  }
  if (FILTER != Filter::HIDE) return;
  for (size_t h = 0; h < scratch.hidden.size() && reached < degree; h++) {
    if (h + 1 < scratch.hidden.size()) prefetch_links(hnsw, GraphScratch::row(scratch.hidden[h + 1]), degree);
    // Those in a ring were seen before.
    if (scratch.hidden[h] >= 0 && !scratch.see(scratch.hidden[h])) continue;
    const int32_t* further = hnsw.neighbors.data() + hnsw.offsets[GraphScratch::row(scratch.hidden[h])];
    for (int i = 0; i < degree && further[i] >= 0; i++) {
      if (!allowed(further[i])) continue;
      reached++;
      if (scratch.see(further[i])) {
        scores.prefetch(further[i]);
        scratch.batch.push_back(further[i]);
      }
    }
  }
}

// Gathers some members spread over all rows: a walk reaches allowed rows far from where it would come by itself.
inline void gather_seeds(const BitRows& allowed, int64_t rows, GraphScratch& scratch) {
  const int seeds = 16;
  scratch.batch.clear();
  for (int i = 0; i < seeds; i++) {
    int64_t row = allowed.next(rows * i / seeds);
    if (row >= 0 && row < rows && scratch.see(row)) scratch.batch.push_back(row);
  }
}

template <class Allowed>
inline void gather_seeds(const Allowed&, int64_t, GraphScratch& scratch) {
  scratch.batch.clear();
}

// Walks to the best rows, which stay in the beam or, where the walk passes rows that may not be returned, in the hits.
// Gives the number of rows scored.
template <Filter FILTER, class Allowed, class Scores>
int64_t walk_graph(
    const faiss::HNSW& hnsw,
    const int32_t* ring,
    int64_t rows,
    const Allowed& allowed,
    const Scores& scores,
    size_t width,
    size_t hits,
    GraphScratch& scratch) {
  int64_t scored = 0;
  Beam& beam = scratch.beam;
  beam.reset(width);
  scratch.hits.reset(hits);
  if (hnsw.entry_point >= 0) {
    scratch.begin(rows);
    int degree = hnsw.nb_neighbors(0);
    int32_t nearest = hnsw.entry_point;
    float best;
    scores.score(&nearest, 1, &best);
    scored++;
    for (int level = hnsw.max_level; level >= 1; level--) {
      for (int32_t before = -1; before != nearest;) {
        before = nearest;
        size_t begin, end;
        hnsw.neighbor_range(nearest, level, &begin, &end);
        scratch.batch.clear();
        for (size_t i = begin; i < end && hnsw.neighbors[i] >= 0; i++) {
          scores.prefetch(hnsw.neighbors[i]);
          scratch.batch.push_back(hnsw.neighbors[i]);
        }
        size_t n = scratch.batch.size();
        scratch.scores.resize(n);
        scores.score(scratch.batch.data(), n, scratch.scores.data());
        scored += n;
        for (size_t i = 0; i < n; i++) {
          if (scratch.scores[i] > best) {
            best = scratch.scores[i];
            nearest = scratch.batch[i];
          }
        }
      }
    }
    scratch.see(nearest);
    if (FILTER == Filter::HIDE && !allowed(nearest)) {
      scratch.batch.clear();
      gather<FILTER>(hnsw, ring, nearest, allowed, scores, scratch);
    } else {
      scratch.batch.assign(1, nearest);
    }
    scored += scratch.batch.size();
    offer<FILTER>(allowed, scores, scratch);
    if (FILTER == Filter::HIDE) {
      gather_seeds(allowed, rows, scratch);
      scored += scratch.batch.size();
      offer<FILTER>(allowed, scores, scratch);
    }
    for (size_t next = 0; next < beam.size();) {
      int32_t from[AT_ONCE];
      int count = 0;
      size_t after = next;
      for (; count < AT_ONCE && after < beam.size(); after++) {
        if (beam.walked(after)) continue;
        from[count++] = beam.row(after);
        beam.walk(after);
      }
      for (int i = 0; i < count; i++) prefetch_links(hnsw, from[i], degree);
      scratch.batch.clear();
      for (int i = 0; i < count; i++) gather<FILTER>(hnsw, ring, from[i], allowed, scores, scratch);
      scored += scratch.batch.size();
      next = std::min(after, offer<FILTER>(allowed, scores, scratch));
    }
  }
  return scored;
}

inline size_t take(const Beam& best, size_t k, float* distances, int64_t* labels) {
  size_t found = std::min(k, best.size());
  for (size_t i = 0; i < found; i++) {
    distances[i] = best.score(i);
    labels[i] = best.row(i);
  }
  return found;
}

// Scores all of the best rows again and takes the best of those; of equal scores the lower row.
inline size_t take_scored(
    const Beam& best, const FlatScores& scores, size_t k, GraphScratch& scratch, float* distances, int64_t* labels) {
  const size_t ahead = 8;
  size_t n = best.size();
  scratch.batch.resize(n);
  scratch.scores.resize(n);
  scratch.ordered.resize(n);
  for (size_t i = 0; i < n; i++) {
    scratch.batch[i] = best.row(i);
    if (i < ahead) scores.prefetch(scratch.batch[i]);
  }
  for (size_t i = 0; i < n; i += ahead) {
    for (size_t j = i + ahead; j < std::min(i + 2 * ahead, n); j++) scores.prefetch(scratch.batch[j]);
    scores.score(scratch.batch.data() + i, std::min(ahead, n - i), scratch.scores.data() + i);
  }
  for (size_t i = 0; i < n; i++) scratch.ordered[i] = {-scratch.scores[i], scratch.batch[i]};
  size_t found = std::min(k, n);
  std::partial_sort(scratch.ordered.begin(), scratch.ordered.begin() + found, scratch.ordered.end());
  for (size_t i = 0; i < found; i++) {
    distances[i] = -scratch.ordered[i].first;
    labels[i] = scratch.ordered[i].second;
  }
  return found;
}

// Searches whichever way the graph keeps its vectors. Distances come in the index's own metric; missing results are labelled -1.
//
// codes: of the graph's vectors, or null
template <Filter FILTER, class Allowed>
int64_t search_graph(
    const faiss::IndexHNSW* index,
    const Codes* codes,
    const float* x,
    int64_t k,
    int ef,
    const Allowed& allowed,
    float* distances,
    int64_t* labels) {
  const faiss::HNSW& hnsw = index->hnsw;
  GraphScratch& scratch = GraphScratch::of_thread();
  const Beam& best = FILTER == Filter::COLLECT ? scratch.hits : scratch.beam;
  size_t width = std::max<int64_t>(ef > 0 ? ef : hnsw.efSearch, k);
  bool dot = index->metric_type == faiss::METRIC_INNER_PRODUCT;
  auto flat = dynamic_cast<const faiss::IndexFlat*>(index->storage);
  int64_t scored;
  size_t found;
  if (dot && flat) {
    FlatScores exact{x, flat->get_xb(), static_cast<size_t>(index->d)};
    if (codes) {
      scratch.query.set(x, index->d, codes->width());
      CodedScores scores{scratch.query, *codes};
      // A beam that is widened for a filter has most of its rows allowed: the better half of hits is enough to score again.
      size_t hits = std::max<size_t>(k, width / 2);
      scored = walk_graph<FILTER>(hnsw, codes->ring(), index->ntotal, allowed, scores, width, hits, scratch);
      found = take_scored(best, exact, k, scratch, distances, labels);
    } else {
      scored = walk_graph<FILTER>(hnsw, nullptr, index->ntotal, allowed, exact, width, k, scratch);
      found = take(best, k, distances, labels);
    }
  } else {
    std::unique_ptr<faiss::DistanceComputer> computer(index->storage->get_distance_computer());
    computer->set_query(x);
    ComputedScores scores{computer.get(), dot ? 1.0f : -1.0f};
    scored = walk_graph<FILTER>(hnsw, nullptr, index->ntotal, allowed, scores, width, k, scratch);
    found = take(best, k, distances, labels);
    for (size_t i = 0; !dot && i < found; i++) distances[i] = -distances[i];
  }
  std::fill(labels + found, labels + k, int64_t(-1));
  std::fill(distances + found, distances + k,
      dot ? std::numeric_limits<float>::lowest() : std::numeric_limits<float>::max());
  return scored;
}

} // namespace detail
} // namespace tandem
