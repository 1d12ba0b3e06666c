// FAISS on a GPU, from a library that is opened in a run where it was built (native/build-faiss-gpu.sh), and what its
// exact search takes over while inverted lists are built.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <faiss/IndexIVF.h>
#include <faiss/IndexIVFFastScan.h>
#include <faiss/IndexPreTransform.h>

#include "faiss_helpers.h"

namespace tandem {
namespace detail {

// The functions of native/faiss-gpu/tandem_faiss_gpu.h.
struct GpuLibrary {
  int64_t (*free)(int, char*, int);
  faiss::Index* (*flat)(int, int, int, char*, int);
};

inline GpuLibrary& gpu_library() {
  static GpuLibrary library = {nullptr, nullptr};
  return library;
}

} // namespace detail

/// Opens the library, once for the process; its functions throw until it is.
/// build: FAISS's version and the compiler, which the library must have been made with too
inline void open_gpu(const char* file, const char* build) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> guard(mutex);
  auto& library = detail::gpu_library();
  if (library.flat) return;
  void* handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!handle) throw std::runtime_error(dlerror());
  auto free = reinterpret_cast<decltype(library.free)>(dlsym(handle, "tandem_faiss_gpu_free"));
  auto flat = reinterpret_cast<decltype(library.flat)>(dlsym(handle, "tandem_faiss_gpu_flat"));
  auto own = reinterpret_cast<const char* (*)()>(dlsym(handle, "tandem_faiss_gpu_build"));
  if (!free || !flat || !own) throw std::runtime_error("it is not Tandem's");
  if (std::string(own()) != build) {
    throw std::runtime_error(std::string("expected a library for FAISS ") + build + ", found one for " + own());
  }
  library = {free, flat};
}

/// Bytes that vectors may take on a GPU; throws where it cannot be used, with the reason.
inline int64_t gpu_free(int device) {
  if (!detail::gpu_library().free) throw std::runtime_error("FAISS's library for GPUs is not open");
  char problem[512] = "";
  int64_t bytes = detail::gpu_library().free(device, problem, sizeof(problem));
  if (bytes < 0) throw std::runtime_error(problem);
  return bytes;
}

/// An empty index of exact search on a GPU, owned by the caller; used by one thread at a time.
inline std::unique_ptr<faiss::Index> gpu_flat(int device, int d, faiss::MetricType metric) {
  if (!detail::gpu_library().flat) throw std::runtime_error("FAISS's library for GPUs is not open");
  char problem[512] = "";
  std::unique_ptr<faiss::Index> index(detail::gpu_library().flat(device, d, metric, problem, sizeof(problem)));
  if (!index) throw std::runtime_error(problem);
  return index;
}

/// Trains an index whose lists' centroids are found with another index of exact search, empty and of the lists' dimension and metric.
inline void train_with(faiss::Index* index, faiss::Index* search, int64_t n, const float* x) {
  auto lists = inverted_file(index);
  if (!lists) throw std::runtime_error("the index has no inverted lists");
  lists->clustering_index = search;
  try {
    index->train(n, x);
  } catch (...) {
    lists->clustering_index = nullptr;
    throw;
  }
  lists->clustering_index = nullptr;
}

/// Whether add_with knows an index: inverted lists that take vectors with their lists' numbers.
inline bool adds_assigned(faiss::Index* index) {
  return inverted_file(index) && !dynamic_cast<faiss::IndexIVFFastScan*>(inverted_file(index));
}

/// Adds vectors to inverted lists whose nearest centroids another index of exact search finds, which holds the same ones.
inline void add_with(faiss::Index* index, const faiss::Index* search, int64_t n, const float* x) {
  auto lists = inverted_file(index);
  if (!adds_assigned(index)) throw std::runtime_error("the index has no inverted lists that take assigned vectors");
  detail::Transformed inner(index, n, x);
  std::vector<int64_t> assigned(n);
  search->assign(n, inner.x(), assigned.data());
  for (int64_t list : assigned) {
    if (list < 0 || list >= static_cast<int64_t>(lists->nlist)) throw std::runtime_error("a vector has no nearest centroid");
  }
  lists->add_core(n, inner.x(), nullptr, assigned.data());
  for (faiss::Index* outer = index; outer != lists; outer = static_cast<faiss::IndexPreTransform*>(outer)->index) {
    outer->ntotal = lists->ntotal;
  }
}

} // namespace tandem
