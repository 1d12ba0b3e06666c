// For tests: the library's functions, with exact search on the processor in place of a GPU's, and a count
// of the indexes that were asked for.
#include "tandem_faiss_gpu.h"

#include <faiss/IndexFlat.h>

#include <cstdio>

static int asked;

extern "C" {
int tandem_faiss_gpu_asked() {
  return asked;
}

const char* tandem_faiss_gpu_build() {
  return TANDEM_FAISS_BUILD;
}

int64_t tandem_faiss_gpu_free(int device, char* problem, int size) {
  std::snprintf(problem, size, "%s", device == 0 ? "" : "there is one GPU");
  return device == 0 ? int64_t{1} << 30 : -1;
}

faiss::Index* tandem_faiss_gpu_flat(int, int dimension, int metric, char*, int) {
  asked++;
  return new faiss::IndexFlat(dimension, static_cast<faiss::MetricType>(metric));
}
}
