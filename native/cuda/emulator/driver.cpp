// A libcuda whose device is this processor: the driver calls that Java makes, over the kernels compiled for the CPU.
// Memory is filled with NaN when allocated and bordered, so that reading what was never written and writing past an end
// are found.
#include "../tandem.cu"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>
#include <functional>
#include <sys/mman.h>

namespace emulated {

thread_local Fiber* current;
thread_local Dim3 block;
thread_local Dim3 block_size;
thread_local unsigned char* shared_memory;

static thread_local std::vector<Fiber> fibers;
static thread_local int live;
static thread_local int waiting;
static thread_local unsigned barrier_generation;
static thread_local void* main_stack;
static thread_local const std::function<void()>* body;

// Saves the registers that a call keeps, and goes on where another stack left off.
extern "C" void emulated_switch(void** from, void* to);
asm(R"(
.text
.type emulated_switch,@function
emulated_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulated_switch, .-emulated_switch
)");

void yield() {
  Fiber* from = current;
  size_t next = static_cast<size_t>(from - fibers.data());
  do {
    next = next + 1 == fibers.size() ? 0 : next + 1;
  } while (fibers[next].done);
  current = &fibers[next];
  if (current != from) emulated_switch(&from->stack_pointer, current->stack_pointer);
}

void block_barrier() {
  unsigned generation = barrier_generation;
  if (++waiting >= live) {
    waiting = 0;
    barrier_generation++;
    return;
  }
  while (barrier_generation == generation) yield();
}

static void run_fiber() {
  (*body)();
  Fiber* own = current;
  own->done = true;
  // Those that wait no longer wait for this one.
  live--;
  own->warp->lanes--;
  if (live > 0 && waiting >= live) {
    waiting = 0;
    barrier_generation++;
  }
  if (own->warp->lanes > 0 && own->warp->arrived >= own->warp->lanes) {
    own->warp->arrived = 0;
    own->warp->generation++;
  }
  void* unused;
  if (live == 0) {
    emulated_switch(&unused, main_stack);
  }
  size_t next = static_cast<size_t>(own - fibers.data());
  do {
    next = next + 1 == fibers.size() ? 0 : next + 1;
  } while (fibers[next].done);
  current = &fibers[next];
  emulated_switch(&unused, current->stack_pointer);
  std::abort();
}

constexpr size_t STACK = 64 << 10;

static void run_block(unsigned threads, const std::function<void()>& kernel) {
  static std::vector<unsigned char> stacks;
  if (stacks.size() < threads * STACK) stacks.resize(threads * STACK);
  std::vector<Warp> warps((threads + 31) / 32);
  fibers.assign(threads, Fiber{});
  body = &kernel;
  live = static_cast<int>(threads);
  waiting = 0;
  for (unsigned i = 0; i < threads; i++) {
    Fiber& fiber = fibers[i];
    fiber.thread = {i, 0, 0};
    fiber.warp = &warps[i / 32];
    fiber.warp->lanes++;
    fiber.lane = static_cast<int>(i % 32);
    fiber.done = false;
    auto top = reinterpret_cast<uintptr_t>(stacks.data() + (i + 1) * STACK) & ~uintptr_t{15};
    auto* stack = reinterpret_cast<void**>(top);
    *--stack = nullptr;  // keeps the alignment that a call would have left
    *--stack = reinterpret_cast<void*>(&run_fiber);
    for (int saved = 0; saved < 6; saved++) *--stack = nullptr;
    fiber.stack_pointer = stack;
  }
  current = &fibers[0];
  emulated_switch(&main_stack, current->stack_pointer);
}

using Kernel = std::function<void(void**)>;

template <typename... A, size_t... I>
Kernel unpacked(void (*kernel)(A...), std::index_sequence<I...>) {
  return [kernel](void** arguments) { kernel(*static_cast<std::remove_const_t<A>*>(arguments[I])...); };
}

template <typename... A>
Kernel wrapped(void (*kernel)(A...)) {
  return unpacked(kernel, std::index_sequence_for<A...>{});
}

static const std::map<std::string, Kernel>& kernels() {
  static const std::map<std::string, Kernel> all = {
#define X(NAME) {#NAME, wrapped(NAME)},
#include "kernels.inc"
#undef X
  };
  return all;
}

struct Allocation {
  size_t bytes;
  bool host;
};

static std::mutex lock;
static std::map<uintptr_t, Allocation> allocations;
static std::map<std::string, int> launches;
constexpr size_t BORDER = 256;
constexpr unsigned char MARK = 0xA5;

static void* allocate(size_t bytes, bool host) {
  if (std::getenv("EMULATED_CUDA_PAGES")) {
    // Ends at a page that may not be touched: reading past an end stops the process.
    size_t pages = (bytes + 15) / 16 * 16;
    size_t mapped = (pages + 4095) / 4096 * 4096;
    auto* base = static_cast<unsigned char*>(
        mmap(nullptr, mapped + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base + mapped, 4096, PROT_NONE);
    unsigned char* at = base + mapped - pages;
    std::memset(at, 0xff, bytes);
    allocations[reinterpret_cast<uintptr_t>(at)] = {bytes, host};
    return at;
  }
  auto* base = static_cast<unsigned char*>(std::aligned_alloc(256, (bytes + 255) / 256 * 256 + 2 * BORDER));
  std::memset(base, MARK, BORDER);
  std::memset(base + BORDER, 0xff, bytes);
  std::memset(base + BORDER + bytes, MARK, BORDER);
  allocations[reinterpret_cast<uintptr_t>(base + BORDER)] = {bytes, host};
  return base + BORDER;
}

static bool intact(uintptr_t at, size_t bytes) {
  if (std::getenv("EMULATED_CUDA_PAGES")) return true;
  auto* memory = reinterpret_cast<unsigned char*>(at);
  for (size_t i = 0; i < BORDER; i++) {
    if (memory[-1 - static_cast<long>(i)] != MARK || memory[bytes + i] != MARK) return false;
  }
  return true;
}

static int check() {
  for (auto& [at, allocation] : allocations) {
    if (!intact(at, allocation.bytes)) {
      std::fprintf(stderr, "emulated CUDA: something was written outside an allocation of %zu bytes\n", allocation.bytes);
      return 700;  // illegal address
    }
  }
  return 0;
}

// Whether bytes from a place lie in one allocation.
static bool inside(uintptr_t at, size_t bytes) {
  auto found = allocations.upper_bound(at);
  if (found == allocations.begin()) return false;
  --found;
  return at + bytes <= found->first + found->second.bytes;
}

}  // namespace emulated

using namespace emulated;
using Pointer = unsigned long long;

extern "C" {
int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(int* version) { *version = 13000; return 0; }
int cuDeviceGetCount(int* count) {
  const char* devices = std::getenv("EMULATED_CUDA_DEVICES");
  *count = devices ? std::atoi(devices) : 2;
  return 0;
}
int cuDeviceGet(int* device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char* name, int length, int) { std::snprintf(name, length, "emulated CUDA"); return 0; }
int cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = size_t{8} << 30; return 0; }
int cuMemGetInfo_v2(size_t* left, size_t* total) { *left = *total = size_t{8} << 30; return 0; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 16: *value = 4; break;          // multiprocessors
    case 75: *value = 9; break;          // compute capability, major
    case 76: *value = 0; break;          // and minor
    case 97: *value = 227 << 10; break;  // shared memory of a block, opted in
    default: *value = 0;
  }
  return 0;
}
int cuDevicePrimaryCtxRetain(void** context, int device) { *context = reinterpret_cast<void*>(0x1000L + device); return 0; }
int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
int cuCtxSetCurrent(void*) { return 0; }
int cuModuleLoadData(void** module, const void*) { *module = reinterpret_cast<void*>(1); return 0; }
int cuModuleUnload(void*) { return 0; }
int cuModuleGetFunction(void** function, void*, const char* name) {
  auto found = kernels().find(name);
  if (found == kernels().end()) return 500;  // not found
  *function = const_cast<void*>(static_cast<const void*>(&*found));
  return 0;
}
int cuFuncSetAttribute(void*, int, int) { return 0; }
int cuMemAlloc_v2(Pointer* at, size_t bytes) {
  std::lock_guard<std::mutex> guard(lock);
  *at = reinterpret_cast<Pointer>(allocate(bytes, false));
  return 0;
}
int cuMemFree_v2(Pointer at) {
  std::lock_guard<std::mutex> guard(lock);
  auto found = allocations.find(at);
  if (found == allocations.end()) return 1;
  bool whole = intact(at, found->second.bytes);
  allocations.erase(found);
  if (!std::getenv("EMULATED_CUDA_PAGES")) std::free(reinterpret_cast<unsigned char*>(at) - BORDER);
  return whole ? 0 : 700;
}
int cuMemHostAlloc(void** at, size_t bytes, unsigned) {
  std::lock_guard<std::mutex> guard(lock);
  *at = allocate(bytes, true);
  return 0;
}
int cuMemHostGetDevicePointer_v2(Pointer* device, void* host, unsigned) { *device = reinterpret_cast<Pointer>(host); return 0; }
int cuMemFreeHost(void* at) { return cuMemFree_v2(reinterpret_cast<Pointer>(at)); }
int cuMemcpyAsync(Pointer to, Pointer from, size_t bytes, void*) {
  std::lock_guard<std::mutex> guard(lock);
  if (!inside(to, bytes) || !inside(from, bytes)) return 700;
  std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes);
  return 0;
}
int cuMemsetD32Async(Pointer to, unsigned value, size_t count, void*) {
  std::lock_guard<std::mutex> guard(lock);
  if (!inside(to, count * 4)) return 700;
  std::fill_n(reinterpret_cast<unsigned*>(to), count, value);
  return 0;
}
int cuStreamCreate(void** stream, unsigned) { *stream = reinterpret_cast<void*>(1); return 0; }
int cuStreamDestroy_v2(void*) { return 0; }
int cuStreamSynchronize(void*) {
  std::lock_guard<std::mutex> guard(lock);
  return check();
}
int cuStreamWaitEvent(void*, void*, unsigned) { return 0; }
int cuEventCreate(void** event, unsigned) { *event = reinterpret_cast<void*>(1); return 0; }
int cuEventRecord(void*, void*) { return 0; }
int cuEventSynchronize(void*) { return 0; }
int cuEventElapsedTime(float* milliseconds, void*, void*) { *milliseconds = 0; return 0; }
int cuEventDestroy_v2(void*) { return 0; }
int cuGetErrorName(int error, const char** name) { *name = error == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR"; return 0; }
int cuGetErrorString(int, const char** text) { *text = "emulated"; return 0; }
int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                   unsigned block_z, unsigned shared_bytes, void*, void** arguments, void**) {
  std::lock_guard<std::mutex> guard(lock);
  if (grid_x == 0 || grid_y == 0 || grid_z == 0 || grid_y > 65535 || grid_z > 65535 || block_x > 1024 || block_y != 1 ||
      block_z != 1 || shared_bytes > (227u << 10)) {
    return 1;  // invalid value
  }
  auto* kernel = static_cast<const std::pair<const std::string, Kernel>*>(function);
  launches[kernel->first]++;
  block_size = {block_x, 1, 1};
  std::vector<unsigned char> memory(shared_bytes + 512, 0xff);
  auto at = reinterpret_cast<uintptr_t>(memory.data());
  shared_memory = reinterpret_cast<unsigned char*>((at + 255) & ~uintptr_t{255});
  std::function<void()> run = [&] { kernel->second(arguments); };
  for (unsigned z = 0; z < grid_z; z++) {
    for (unsigned y = 0; y < grid_y; y++) {
      for (unsigned x = 0; x < grid_x; x++) {
        block = {x, y, z};
        run_block(block_x, run);
      }
    }
  }
  for (size_t i = shared_memory - memory.data() + shared_bytes; i < memory.size(); i++) {
    if (memory[i] != 0xff) return 700;
  }
  return check();
}
}

// NCCL for ranks that are threads of this process. Everything is done when a call returns.
namespace emulated {
struct Group {
  std::mutex mutex;
  std::condition_variable met;
  int size;
  int arrived = 0;
  long generation = 0;
  bool aborted = false;
  std::vector<const float*> from;
};

struct Communicator {
  int rank;
  std::shared_ptr<Group> group;
};

// Waits for all ranks; whether they all came.
static bool meet(Group& group) {
  std::unique_lock<std::mutex> guard(group.mutex);
  long own = group.generation;
  if (++group.arrived == group.size) {
    group.arrived = 0;
    group.generation++;
    group.met.notify_all();
  }
  group.met.wait(guard, [&] { return group.generation != own || group.aborted; });
  return group.generation != own;
}

static bool show(Communicator* communicator, const void* from) {
  communicator->group->from[communicator->rank] = static_cast<const float*>(from);
  return meet(*communicator->group);
}

static bool owned(const void* from, size_t n) {
  std::lock_guard<std::mutex> guard(lock);
  return inside(reinterpret_cast<uintptr_t>(from), n * 4);
}

// sums[i] over all ranks from a place on, in the order of the ranks.
static std::vector<float> sums(const Group& group, size_t at, size_t n) {
  std::vector<float> result(n);
  for (const float* from : group.from) {
    for (size_t i = 0; i < n; i++) result[i] += from[at + i];
  }
  return result;
}
}  // namespace emulated

extern "C" {
int ncclGetVersion(int* version) { *version = 22703; return 0; }
const char* ncclGetErrorString(int) { return "emulated"; }
int ncclCommInitAll(Communicator** communicators, int devices, const int*) {
  auto group = std::make_shared<Group>();
  group->size = devices;
  group->from.resize(devices);
  for (int rank = 0; rank < devices; rank++) communicators[rank] = new Communicator{rank, group};
  return 0;
}
int ncclCommDestroy(Communicator* communicator) { delete communicator; return 0; }
int ncclCommAbort(Communicator* communicator) {
  // Others may still wait with it, so that it is not deleted.
  std::lock_guard<std::mutex> guard(communicator->group->mutex);
  communicator->group->aborted = true;
  communicator->group->met.notify_all();
  return 0;
}
int ncclAllGather(const void* from, void* to, size_t n, int type, Communicator* communicator, void*) {
  if (type != 7 || !owned(from, n) || !owned(to, n * communicator->group->size)) return 4;  // invalid argument
  if (!show(communicator, from)) return 6;                                                   // remote error
  for (int rank = 0; rank < communicator->group->size; rank++) {
    const float* part = communicator->group->from[rank];
    float* target = static_cast<float*>(to) + rank * n;
    if (target != part) std::memcpy(target, part, n * 4);
  }
  return meet(*communicator->group) ? 0 : 6;
}
int ncclReduceScatter(const void* from, void* to, size_t n, int type, int operation, Communicator* communicator, void*) {
  if (type != 7 || operation != 0 || !owned(from, n * communicator->group->size) || !owned(to, n)) return 4;
  if (!show(communicator, from)) return 6;
  auto result = sums(*communicator->group, communicator->rank * n, n);
  if (!meet(*communicator->group)) return 6;
  std::copy(result.begin(), result.end(), static_cast<float*>(to));
  return 0;
}
int ncclAllReduce(const void* from, void* to, size_t n, int type, int operation, Communicator* communicator, void*) {
  if (type != 7 || operation != 0 || !owned(from, n) || !owned(to, n)) return 4;
  if (!show(communicator, from)) return 6;
  auto result = sums(*communicator->group, 0, n);
  if (!meet(*communicator->group)) return 6;
  std::copy(result.begin(), result.end(), static_cast<float*>(to));
  return 0;
}
}
