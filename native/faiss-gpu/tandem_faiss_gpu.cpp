#include "tandem_faiss_gpu.h"

#include <cuda_runtime.h>
#include <faiss/IndexFlat.h>
#include <faiss/gpu/GpuCloner.h>
#include <faiss/gpu/StandardGpuResources.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace {

constexpr size_t TEMPORARY_BYTES = size_t{512} << 20;

// Compute capabilities that this library has code for, such as "75 90".
constexpr const char* ARCHITECTURES = TANDEM_FAISS_GPU_ARCHITECTURES;

// Machine code runs on GPUs of its generation that are not older.
bool runs_on(int major, int minor) {
  for (const char* at = ARCHITECTURES; *at;) {
    char* end;
    long number = std::strtol(at, &end, 10);
    if (end == at) break;
    if (number / 10 == major && number % 10 <= minor) return true;
    at = end;
  }
  return false;
}

std::string problem_of(int device) {
  int count = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) return std::string("no GPU: ") + cudaGetErrorString(error);
  if (device < 0 || device >= count) return "there is no GPU " + std::to_string(device) + " among " + std::to_string(count);
  cudaDeviceProp properties;
  error = cudaGetDeviceProperties(&properties, device);
  if (error != cudaSuccess) return cudaGetErrorString(error);
  if (runs_on(properties.major, properties.minor)) return "";
  return std::string(properties.name) + " has compute capability " + std::to_string(properties.major) + "." +
      std::to_string(properties.minor) + ", this library is for " + ARCHITECTURES;
}

// Kept to the end of the process: indexes share them.
faiss::gpu::StandardGpuResources& resources(int device) {
  static std::mutex mutex;
  static auto* all = new std::map<int, std::unique_ptr<faiss::gpu::StandardGpuResources>>();
  std::lock_guard<std::mutex> guard(mutex);
  auto& own = (*all)[device];
  if (!own) {
    own = std::make_unique<faiss::gpu::StandardGpuResources>();
    own->setTempMemory(TEMPORARY_BYTES);
  }
  return *own;
}

} // namespace

extern "C" {
const char* tandem_faiss_gpu_build() {
  return TANDEM_FAISS_BUILD;
}

int64_t tandem_faiss_gpu_free(int device, char* problem, int size) {
  std::string found = problem_of(device);
  size_t free = 0;
  size_t total = 0;
  if (found.empty()) {
    cudaError_t error = cudaSetDevice(device);
    if (error == cudaSuccess) error = cudaMemGetInfo(&free, &total);
    if (error != cudaSuccess) found = cudaGetErrorString(error);
  }
  std::snprintf(problem, size, "%s", found.c_str());
  if (!found.empty()) return -1;
  return free > 2 * TEMPORARY_BYTES ? static_cast<int64_t>(free - 2 * TEMPORARY_BYTES) : 0;
}

faiss::Index* tandem_faiss_gpu_flat(int device, int dimension, int metric, char* problem, int size) {
  std::string found = problem_of(device);
  if (found.empty()) {
    try {
      faiss::IndexFlat empty(dimension, static_cast<faiss::MetricType>(metric));
      return faiss::gpu::index_cpu_to_gpu(&resources(device), device, &empty);
    } catch (const std::exception& e) {
      found = e.what();
    }
  }
  std::snprintf(problem, size, "%s", found.c_str());
  return nullptr;
}
}
