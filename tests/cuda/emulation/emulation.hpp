/// The part of CUDA that the kernels of cuda/ use, on a CPU: their sources compile with any C++
/// compiler and run without a GPU. The threads of a block are fibres that hand over where threads
/// of a GPU wait for one another, so that whatever a kernel does between two such places happens
/// at once; VECINAL_EMULATION_ORDER=reverse runs them the other way round, in which a barrier that
/// is missing shows. What may happen late does: work of a stream when somebody waits for it
/// (streams.hpp), copies to shared memory when the thread does. Where the compiler tells of every
/// access (hooks.cpp), those that are in no order or touch the wrong memory are faults. Not
/// emulated: speed, and reordering within a thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};

/// Of functions whose accesses are not those of a kernel.
#define VECINAL_EMULATION_INTERNAL __attribute__((no_sanitize("thread")))

namespace emulation {

/// A kernel and what it is called with, of which a block's threads may read all.
struct Call {
  std::shared_ptr<const void> parameters;
  std::size_t parameter_bytes = 0;
  void (*run)(const void* parameters) = nullptr;
};
struct Launch {
  const char* name = "";
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  Call call;
};

/// Puts a kernel into a stream. Throws std::invalid_argument for what a card would refuse.
void launch(void* stream, Launch launch);

/// run: a function object that calls a kernel.
template <class Run>
Call call_of(Run run) {
  return {std::make_shared<const Run>(run), sizeof(Run),
          [](const void* parameters) { (*static_cast<const Run*>(parameters))(); }};
}

/// Where the fibre that runs now stands.
struct Place {
  dim3 thread;
  dim3 block;
  dim3 threads;
  dim3 blocks;
};
const Place& place();
unsigned char* shared();

/// Waits until all threads of the block have come here.
void wait_for_block();

/// All threads of the warp give a value and get everybody's, by lane; valid until the warp's next
/// exchange but one. All of them must take part.
const std::uint64_t* exchange(std::uint64_t value);
/// The same without values; what the threads have written is seen by all of them afterwards.
void wait_for_warp();

/// cp.async: begins to copy 16 bytes to shared memory; ends a group of copies; waits for all groups
/// of the thread but the last so many.
void begin_copy(unsigned char* shared, const unsigned char* from);
void end_copies();
void wait_for_copies(unsigned behind);

/// Tells of an access of the kernel that is atomic.
void touch_atomically(const void* at, std::size_t bytes);

template <class T>
std::uint64_t to_bits(T value) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline unsigned lane() { return place().thread.x % 32; }

/// multiply_bytes() of cuda/byte_tile.hpp, as tensor cores do it: sums wrap around.
void multiply_bytes(int (&sums)[4], const unsigned (&a)[4], const uint2& b, bool is_signed);

/// A float rounded to bfloat16, to the nearest, ties to even.
inline unsigned bf16_bits(float value) {
  const auto bits = std::bit_cast<unsigned>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return bits >> 16U | 0x40U;  // a NaN stays one
  return (bits + 0x7FFFU + (bits >> 16U & 1U)) >> 16U;
}

/// multiply_bf16() of cuda/bf16_tile.hpp.
void multiply_bf16(float (&sums)[4], const unsigned (&a)[4], const uint2& b);

/// A float rounded to half precision, as bf16_bits().
inline unsigned half_bits(float value) {
  __extension__ const auto half = static_cast<_Float16>(value);
  return std::bit_cast<std::uint16_t>(half);
}

/// multiply_halves() of cuda/half_tile.hpp.
void multiply_halves(float* sums, const unsigned (&a)[4], const uint2& b);

}  // namespace emulation

#define threadIdx (emulation::place().thread)
#define blockIdx (emulation::place().block)
#define blockDim (emulation::place().threads)
#define gridDim (emulation::place().blocks)

inline void __syncthreads() { emulation::wait_for_block(); }
inline void __syncwarp() { emulation::wait_for_warp(); }

template <class T>
T __shfl_sync(unsigned, T value, int from) {
  return emulation::from_bits<T>(emulation::exchange(emulation::to_bits(value))[from % 32]);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  const unsigned from = emulation::lane() ^ static_cast<unsigned>(mask);
  return emulation::from_bits<T>(emulation::exchange(emulation::to_bits(value))[from]);
}
template <class T>
T __shfl_up_sync(unsigned, T value, unsigned distance) {
  const unsigned lane = emulation::lane();
  const auto* values = emulation::exchange(emulation::to_bits(value));
  return emulation::from_bits<T>(values[lane < distance ? lane : lane - distance]);
}
inline unsigned __ballot_sync(unsigned, bool predicate) {
  const std::uint64_t* values = emulation::exchange(predicate ? 1 : 0);
  unsigned ballot = 0;
  for (unsigned i = 0; i < 32; ++i) ballot |= static_cast<unsigned>(values[i]) << i;
  return ballot;
}
inline bool __any_sync(unsigned mask, bool predicate) {
  return __ballot_sync(mask, predicate) != 0;
}
inline unsigned __reduce_add_sync(unsigned, unsigned value) {
  const std::uint64_t* values = emulation::exchange(value);
  unsigned sum = 0;
  for (unsigned i = 0; i < 32; ++i) sum += static_cast<unsigned>(values[i]);
  return sum;
}

inline int __popc(unsigned value) { return std::popcount(value); }
inline int __ffs(unsigned value) { return value == 0 ? 0 : std::countr_zero(value) + 1; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline int __float2int_rn(float value) { return static_cast<int>(std::nearbyint(value)); }

namespace emulation {
template <class T>
VECINAL_EMULATION_INTERNAL T read_atomically(const T* from) {
  touch_atomically(from, sizeof(T));
  return *from;
}
template <class T, class Next>
VECINAL_EMULATION_INTERNAL T change(T* at, Next next) {
  touch_atomically(at, sizeof(T));
  const T old = *at;
  *at = next(old);
  return old;
}
}  // namespace emulation

template <class T>
T atomicAdd(T* to, T value) {
  return emulation::change(to, [=](T old) { return static_cast<T>(old + value); });
}
template <class T>
T atomicMin(T* to, T value) {
  return emulation::change(to, [=](T old) { return std::min(old, value); });
}
template <class T>
T atomicMax(T* to, T value) {
  return emulation::change(to, [=](T old) { return std::max(old, value); });
}
template <class T>
T atomicExch(T* to, T value) {
  return emulation::change(to, [=](T) { return value; });
}
