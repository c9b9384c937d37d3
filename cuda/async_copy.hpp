/// Copies from device to shared memory that go on while threads do other things: those of a thread,
/// and the chunks of a stream of equal ones, each into the next of a few stages. The latter by bulk
/// copies, one thread starting all of them, where tensor cores read shared memory by themselves;
/// else by all threads.
#pragma once

#include "runtime.hpp"

namespace vecinal::cuda {

/// Begins to copy 16 bytes, from and to multiples of 16, for this thread.
__device__ inline void copy_piece(unsigned char* shared, const unsigned char* from) {
#ifdef __CUDACC__
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
#else
  emulation::begin_copy(shared, from);
#endif
}

/// Ends a group of the thread's copies, which may be empty.
__device__ inline void end_copies() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  emulation::end_copies();
#endif
}

/// Waits for the thread's groups but the last `behind`; others see what came after a barrier.
template <unsigned behind>
__device__ void wait_for_copies() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(behind) : "memory");
#else
  emulation::wait_for_copies(behind);
#endif
}

/// Shared memory of each stage beside its chunk.
inline constexpr std::size_t arrival_bytes = sizeof(std::uint64_t);

/// Chunks that have begun, and that were waited for.
template <unsigned stages>
class ChunkCounts {
 public:
  [[nodiscard]] __device__ unsigned coming_stage() const { return begun_ % stages; }
  [[nodiscard]] __device__ unsigned waited_stage() const { return waited_ % stages; }

 protected:
  unsigned begun_ = 0;
  unsigned waited_ = 0;
};

#ifdef __CUDA_ARCH_FEAT_SM90_ALL

/// What arrives in the stages. All threads of the block have one, and call its functions together.
template <unsigned stages>
class Arrivals : public ChunkCounts<stages> {
 public:
  /// shared: arrival_bytes for each stage, at a multiple of 8. The block must be synchronized
  /// afterwards.
  __device__ explicit Arrivals(unsigned char* shared)
      : barriers_(static_cast<unsigned>(__cvta_generic_to_shared(shared))) {
    if (threadIdx.x != 0) return;
    for (unsigned i = 0; i < stages; ++i)
      asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barriers_ + 8 * i) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }

  /// Announces the bytes of the next chunk, which copy() brings.
  __device__ void begin(unsigned bytes) {
    if (threadIdx.x == 0)
      asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(coming()),
                   "r"(bytes)
                   : "memory");
  }
  /// A part of it: a multiple of 16 bytes, from and to such multiples.
  template <unsigned bytes>
  __device__ void copy(unsigned char* shared, const unsigned char* from) {
    if (threadIdx.x == 0)
      asm volatile(
          "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, "
          "[%3];" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))),
          "l"(from), "r"(bytes), "r"(coming())
          : "memory");
  }
  __device__ void end() { ++begun_; }

  /// Waits for the next chunk that was not waited for. While the stream goes on, `behind` others
  /// have begun after it.
  template <unsigned behind>
  __device__ void wait() {
    const unsigned barrier = barriers_ + 8 * (waited_ % stages);
    unsigned there = 0;
    while (there == 0)
      asm volatile(
          "{.reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; "
          "selp.u32 %0, 1, 0, p;}"
          : "=r"(there)
          : "r"(barrier), "r"(waited_ / stages % 2)
          : "memory");
    ++waited_;
  }

 private:
  [[nodiscard]] __device__ unsigned coming() const { return barriers_ + 8 * this->coming_stage(); }

  unsigned barriers_;
  using ChunkCounts<stages>::begun_;
  using ChunkCounts<stages>::waited_;
};

#else

template <unsigned stages>
class Arrivals : public ChunkCounts<stages> {
 public:
  __device__ explicit Arrivals(unsigned char*) {}

  __device__ void begin(unsigned) {}
  template <unsigned bytes>
  __device__ void copy(unsigned char* shared, const unsigned char* from) {
#pragma unroll 1
    for (unsigned at = 16 * threadIdx.x; at < bytes; at += 16 * blockDim.x)
      copy_piece(shared + at, from + at);
  }
  __device__ void end() {
    ++begun_;
    end_copies();
  }

  template <unsigned behind>
  __device__ void wait() {
    if (begun_ - waited_ > behind)
      wait_for_copies<behind>();
    else  // its end
      wait_for_copies<0>();
    __syncthreads();
    ++waited_;
  }

 private:
  using ChunkCounts<stages>::begun_;
  using ChunkCounts<stages>::waited_;
};

#endif

}  // namespace vecinal::cuda
