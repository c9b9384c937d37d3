// What the card can do at most, as one JSON object: bytes a second of copies, of reads in order and
// of reads of rows at random places; operations a second of matrix products (cuBLAS, where there is
// one) and of the integer instructions that scores are made of. Other figures are shares of these.
//
//     nvcc -std=c++20 -O3 -arch=native ceilings.cu -lcublas -o ceilings && ./ceilings
//
// Every figure is the median of several launches, timed by events after a warm-up, over more memory
// than caches hold, on random data (zeros make matrix products faster than they are).
#include <cuda_runtime.h>

#if __has_include(<cublas_v2.h>) && !defined(VECINAL_WITHOUT_CUBLAS)
#define VECINAL_HAS_CUBLAS 1
#include <cublas_v2.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int repeats = 9;
constexpr unsigned threads_a_block = 256;
constexpr std::size_t most_bytes = std::size_t{4} << 30U;

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "ceilings: %s: %s\n", what, cudaGetErrorString(status));
  std::exit(1);
}

/// Median seconds of work().
template <class Work>
double seconds_of(Work work) {
  cudaEvent_t start{};
  cudaEvent_t stop{};
  check(cudaEventCreate(&start), "event");
  check(cudaEventCreate(&stop), "event");
  work();
  std::vector<float> times;
  for (int i = 0; i < repeats; ++i) {
    check(cudaEventRecord(start), "event");
    work();
    check(cudaEventRecord(stop), "event");
    check(cudaEventSynchronize(stop), "a measurement");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, start, stop), "event");
    times.push_back(milliseconds);
  }
  check(cudaGetLastError(), "a launch");
  std::sort(times.begin(), times.end());
  return times[times.size() / 2] * 1e-3;
}

class Memory {
 public:
  explicit Memory(std::size_t bytes) : bytes_(bytes) {
    check(cudaMalloc(&memory_, bytes), "cudaMalloc");
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { cudaFree(memory_); }
  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(memory_);
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void* memory_ = nullptr;
  std::size_t bytes_;
};

__device__ std::uint64_t mixed(std::uint64_t x) {  // the finish of splitmix64
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

/// Random values between -1 and 1 as floats (4 bytes), bfloat16 (2), or bytes (1).
__global__ void fill(unsigned char* to, std::size_t count, int size) {
  const std::size_t step = std::size_t{gridDim.x} * blockDim.x;
  for (std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) {
    const std::uint64_t bits = mixed(i);
    const float value = static_cast<float>(bits >> 40U) * 0x1p-23F - 1.0F;
    if (size == 4) reinterpret_cast<float*>(to)[i] = value;
    if (size == 2)
      reinterpret_cast<std::uint16_t*>(to)[i] =
          static_cast<std::uint16_t>(__float_as_uint(value) >> 16U);
    if (size == 1) to[i] = static_cast<unsigned char>(bits);
  }
}

/// Sums are kept if they are this, which they hardly ever are: no read is left out.
constexpr unsigned unlikely = 0x5A17C0DEU;

__global__ void read_all(const uint4* from, std::size_t count, unsigned* out) {
  const std::size_t step = std::size_t{gridDim.x} * blockDim.x;
  unsigned sum = 0;
  std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  for (; i + 3 * step < count; i += 4 * step) {
    const uint4 a = from[i];
    const uint4 b = from[i + step];
    const uint4 c = from[i + 2 * step];
    const uint4 d = from[i + 3 * step];
    sum ^= a.x ^ a.y ^ a.z ^ a.w ^ b.x ^ b.y ^ b.z ^ b.w;
    sum ^= c.x ^ c.y ^ c.z ^ c.w ^ d.x ^ d.y ^ d.z ^ d.w;
  }
  for (; i < count; i += step) sum ^= from[i].x;
  if (sum == unlikely) *out = sum;
}

/// Reads `gathers` rows of row_chunks x 16 bytes at random places; `team` lanes a row.
__global__ void read_rows(const uint4* from, std::size_t rows, unsigned row_chunks, unsigned team,
                          std::size_t gathers, unsigned* out) {
  const std::size_t thread = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::size_t teams = std::size_t{gridDim.x} * blockDim.x / team;
  const unsigned member = threadIdx.x % team;
  unsigned sum = 0;
  for (std::size_t i = thread / team; i < gathers; i += teams) {
    const uint4* row = from + __umul64hi(mixed(i), rows) * row_chunks;
    for (unsigned chunk = member; chunk < row_chunks; chunk += team) {
      const uint4 value = row[chunk];
      sum ^= value.x ^ value.y ^ value.z ^ value.w;
    }
  }
  if (sum == unlikely) *out = sum;
}

enum class Instruction { dp2a, dp4a, popc };
constexpr int chains = 8;
constexpr int rounds = 4096;

template <Instruction instruction>
__global__ void calculate(unsigned* out) {
  int sums[chains];
  for (int i = 0; i < chains; ++i) sums[i] = static_cast<int>(threadIdx.x) + i;
  for (int round = 0; round < rounds; ++round) {
#pragma unroll
    for (int i = 0; i < chains; ++i) {
      if constexpr (instruction == Instruction::dp2a) sums[i] = __dp2a_lo(sums[i], round, sums[i]);
      if constexpr (instruction == Instruction::dp4a) sums[i] = __dp4a(sums[i], round, sums[i]);
      if constexpr (instruction == Instruction::popc) sums[i] += __popc(sums[i] ^ round);
    }
  }
  unsigned sum = 0;
  for (int i = 0; i < chains; ++i) sum ^= static_cast<unsigned>(sums[i]);
  if (sum == unlikely) *out = sum;
}

unsigned device_blocks() {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  return static_cast<unsigned>(properties.multiProcessorCount) * 16;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

using Figures = std::vector<std::pair<std::string, double>>;

std::string object(const Figures& figures) {
  std::string text;
  for (const auto& [name, value] : figures)
    text += (text.empty() ? "\"" : ", \"") + name + "\": " + number(value);
  return "{" + text + "}";
}

std::string describe_card() {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  int driver = 0;
  int runtime = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  const auto version = [](int value) {
    return "\"" + std::to_string(value / 1000) + "." + std::to_string(value % 1000 / 10) + "\"";
  };
  return "\"card\": \"" + std::string(properties.name) + "\", \"compute_capability\": \"" +
         std::to_string(properties.major) + "." + std::to_string(properties.minor) +
         "\", \"cuda_driver\": " + version(driver) + ", \"cuda_runtime\": " + version(runtime) +
         ", \"multiprocessors\": " + std::to_string(properties.multiProcessorCount) +
         ", \"l2_bytes\": " + std::to_string(properties.l2CacheSize) +
         ", \"memory_bytes\": " + std::to_string(properties.totalGlobalMem);
}

double copy_rate(const Memory& from, const Memory& to) {
  return 2.0 * static_cast<double>(from.bytes()) / seconds_of([&] {
           check(cudaMemcpyAsync(to.as<void>(), from.as<void>(), from.bytes(),
                                 cudaMemcpyDeviceToDevice),
                 "a copy");
         });
}

double read_rate(const Memory& from, unsigned* out) {
  return static_cast<double>(from.bytes()) / seconds_of([&] {
           read_all<<<device_blocks(), threads_a_block>>>(from.as<uint4>(),
                                                          from.bytes() / sizeof(uint4), out);
         });
}

Figures gather_rates(const Memory& from, unsigned* out) {
  Figures figures;
  for (const unsigned row_bytes : {64U, 128U, 256U, 512U, 1024U, 3072U}) {
    const unsigned chunks = row_bytes / sizeof(uint4);
    unsigned team = 1;
    while (team < 32 && team * 4 < chunks) team *= 2;  // four reads of a lane in flight
    team = std::max(team, 4U);
    const std::size_t gathers = from.bytes() / row_bytes / 2;
    const double seconds = seconds_of([&] {
      read_rows<<<device_blocks(), threads_a_block>>>(from.as<uint4>(), from.bytes() / row_bytes,
                                                      chunks, team, gathers, out);
    });
    figures.emplace_back(std::to_string(row_bytes),
                         static_cast<double>(gathers) * row_bytes / seconds);
  }
  return figures;
}

template <Instruction instruction>
double instruction_rate(unsigned* out) {
  const unsigned blocks = device_blocks();
  const double done = static_cast<double>(blocks) * threads_a_block * chains * rounds;
  return done / seconds_of([&] { calculate<instruction><<<blocks, threads_a_block>>>(out); });
}

#ifdef VECINAL_HAS_CUBLAS
struct Product {
  const char* name;
  cudaDataType_t inputs;
  cudaDataType_t output;
  cublasComputeType_t compute;
  int size;  ///< of an input, in bytes
};

/// Operations a second, 2 n^3 of them a product.
Figures product_rates() {
  constexpr int n = 8192;
  constexpr Product products[] = {
      {"fp32", CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC, 4},
      {"tf32", CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, 4},
      {"bf16", CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F, 2},
      {"int8", CUDA_R_8I, CUDA_R_32I, CUBLAS_COMPUTE_32I, 1},
  };
  const std::size_t count = std::size_t{n} * n;
  const Memory a(count * 4);
  const Memory b(count * 4);
  const Memory c(count * 4);
  cublasHandle_t handle{};
  Figures figures;
  if (cublasCreate(&handle) != CUBLAS_STATUS_SUCCESS) return figures;
  for (const Product& product : products) {
    fill<<<device_blocks(), threads_a_block>>>(a.as<unsigned char>(), count, product.size);
    fill<<<device_blocks(), threads_a_block>>>(b.as<unsigned char>(), count, product.size);
    const float one_float = 1;
    const float none_float = 0;
    const std::int32_t one_int = 1;
    const std::int32_t none_int = 0;
    const bool integers = product.size == 1;
    const void* one = integers ? static_cast<const void*>(&one_int) : &one_float;
    const void* none = integers ? static_cast<const void*>(&none_int) : &none_float;
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    const double seconds = seconds_of([&] {
      status = cublasGemmEx(handle, CUBLAS_OP_T, CUBLAS_OP_N, n, n, n, one, a.as<void>(),
                            product.inputs, n, b.as<void>(), product.inputs, n, none, c.as<void>(),
                            product.output, n, product.compute, CUBLAS_GEMM_DEFAULT);
    });
    if (status == CUBLAS_STATUS_SUCCESS)
      figures.emplace_back(product.name, 2.0 * n * n * n / seconds);
    else
      std::fprintf(stderr, "ceilings: no product of %s: cuBLAS status %d\n", product.name,
                   static_cast<int>(status));
  }
  cublasDestroy(handle);
  return figures;
}
#else
Figures product_rates() { return {}; }
#endif

}  // namespace

int main() {
  int devices = 0;
  check(cudaGetDeviceCount(&devices), "no CUDA device can be used");
  std::size_t unused = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&unused, &total), "cudaMemGetInfo");
  const std::size_t bytes = std::min(most_bytes, unused / 4) / 3072 / 1024 * 3072 * 1024;
  const Memory out(sizeof(unsigned));
  Figures rates;
  Figures gathers;
  {
    const Memory from(bytes);
    fill<<<device_blocks(), threads_a_block>>>(from.as<unsigned char>(), bytes / 4, 4);
    rates.emplace_back("read", read_rate(from, out.as<unsigned>()));
    gathers = gather_rates(from, out.as<unsigned>());
    const Memory to(bytes);
    rates.emplace_back("copy", copy_rate(from, to));
  }
  const Figures instructions = {
      {"dp2a", instruction_rate<Instruction::dp2a>(out.as<unsigned>())},
      {"dp4a", instruction_rate<Instruction::dp4a>(out.as<unsigned>())},
      {"popc", instruction_rate<Instruction::popc>(out.as<unsigned>())},
  };
  std::printf(
      "{%s, \"bytes_a_second\": %s, \"gather_bytes_a_second\": %s, "
      "\"instructions_a_second\": %s, \"product_operations_a_second\": %s}\n",
      describe_card().c_str(), object(rates).c_str(), object(gathers).c_str(),
      object(instructions).c_str(), object(product_rates()).c_str());
  return 0;
}
