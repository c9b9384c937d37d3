// The emulation finds the faults that a card would hide: kernels that have them, and the same ones
// mended.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../accesses.hpp"
#include "../streams.hpp"
#include "async_copy.hpp"
#include "runtime.hpp"

namespace vecinal::cuda {
namespace {

class Checks : public testing::Test {
 private:
  DeviceScope here_;
};
using ChecksDeathTest = Checks;

struct Shape {
  unsigned blocks = 1;
  unsigned threads = warp_size;
  std::size_t shared = 0;
};

/// What is wrong with a kernel; empty if nothing is.
template <class Kernel>
std::string fault_of(const Shape& shape, Kernel kernel) {
  start({"kernel",
         {shape.blocks, 1, 1},
         {shape.threads, 1, 1},
         shape.shared,
         emulation::call_of(kernel)},
        nullptr);
  try {
    synchronize(nullptr);
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "";
}

/// Memory of the device with what a vector holds.
class OnDevice {
 public:
  explicit OnDevice(std::vector<unsigned> values) : values_(std::move(values)) {
    memory_.need(values_.size() * sizeof(unsigned));
    copy_in(data(), values_.data(), values_.size() * sizeof(unsigned), nullptr);
    synchronize(nullptr);
  }
  [[nodiscard]] unsigned* data() const { return memory_.as<unsigned>(); }

 private:
  std::vector<unsigned> values_;
  Buffer memory_;
};

unsigned* shared_words() { return reinterpret_cast<unsigned*>(shared_memory()); }

void expect_fault(const std::string& fault, const char* part) {
  EXPECT_NE(fault.find(part), std::string::npos) << fault;
}

/// Every thread writes a word, and reads that of another after `wait`.
template <class Wait>
std::string swap_words(unsigned threads, unsigned distance, Wait wait) {
  return fault_of({1, threads, threads * sizeof(unsigned)}, [=] {
    shared_words()[threadIdx.x] = 0;
    __syncthreads();
    shared_words()[threadIdx.x] = threadIdx.x;
    wait();
    const unsigned other = shared_words()[(threadIdx.x + distance) % threads];
    wait();
    shared_words()[threadIdx.x] = other;
  });
}

TEST_F(Checks, LanesAreInOrderWhereTheyMeetInMemory) {
  expect_fault(swap_words(32, 1, [] {}), "another lane of the warp");
  expect_fault(swap_words(32, 1, [] { __shfl_sync(all_lanes, 0, 0); }), "another lane of the warp");
  EXPECT_EQ(swap_words(32, 1, [] { __syncwarp(); }), "");
}

TEST_F(Checks, WarpsAreInOrderWhereTheBlockMeets) {
  expect_fault(swap_words(96, 32, [] { __syncwarp(); }), "another warp of the block");
  EXPECT_EQ(swap_words(96, 32, [] { __syncthreads(); }), "");
}

TEST_F(Checks, WhatManyHaveReadIsNotWrittenBeforeTheyMeet) {
  for (const unsigned readers : {32U, 64U}) {
    const auto kernel = [](auto wait) {
      return [=] {
        if (threadIdx.x == 0) shared_words()[0] = 1;
        __syncthreads();
        const unsigned seen = shared_words()[0];
        wait();
        if (threadIdx.x == 0) shared_words()[0] = seen + 1;
      };
    };
    const Shape shape{1, readers, 4};
    expect_fault(fault_of(shape, kernel([] {})), "in no order");
    EXPECT_EQ(fault_of(shape, kernel([] { __syncthreads(); })), "");
  }
}

TEST_F(Checks, BytesBesideEachOtherAreApart) {
  EXPECT_EQ(fault_of({1, 32, 32}, [] { shared_memory()[threadIdx.x] = 1; }), "");
}

TEST_F(Checks, BlocksAreInNoOrder) {
  const OnDevice words({0, 0});
  unsigned* to = words.data();
  const auto one_writes = [=] {
    if (threadIdx.x == 0 && blockIdx.x == 0) to[0] = 1;
    if (threadIdx.x == 0 && blockIdx.x == 1) to[1] = to[0];
  };
  expect_fault(fault_of({2}, one_writes), "another block of the launch");
  const auto one_overwrites = [=] {
    if (threadIdx.x == 0) static_cast<void>(to[0] + 0 == 7 ? to[1] = 1 : 0);
    if (threadIdx.x == 0 && blockIdx.x == 2) to[0] = 1;
  };
  expect_fault(fault_of({3}, one_overwrites), "another block of the launch");
}

TEST_F(Checks, WhatIsAtomicNeedsNoOrder) {
  const OnDevice words({0, 0});
  unsigned* to = words.data();
  EXPECT_EQ(fault_of({3, 64}, [=] { atomicAdd(to, 1U); }), "");
  EXPECT_EQ(fault_of({3, 64},
                     [=] {
                       atomicMin(to, 1U);
                       static_cast<void>(read_changing(to));
                     }),
            "");
  const auto one_reads_plainly = [=] {
    if (blockIdx.x == 0) atomicMax(to, 5U);
    if (blockIdx.x == 1 && threadIdx.x == 0) to[1] = to[0];
  };
  expect_fault(fault_of({2}, one_reads_plainly), "another block of the launch");
}

TEST_F(Checks, LaunchesOfAStreamAreInOrder) {
  const OnDevice words({3, 0});
  unsigned* to = words.data();
  for (unsigned i = 0; i < 2; ++i)
    EXPECT_EQ(fault_of({1},
                       [=] {
                         if (threadIdx.x == i) to[i] = to[1 - i] + 1;
                       }),
              "");
}

TEST_F(Checks, WhatWasNeverWrittenIsNotRead) {
  Buffer memory;
  auto* words = static_cast<unsigned*>(memory.need(64));
  const auto reads = [=] { static_cast<void>(words[0] == 7 ? words[1] = 0 : 0); };
  expect_fault(fault_of({1}, reads), "never written");
  fill_bytes(words, 0, 64, nullptr);
  EXPECT_EQ(fault_of({1}, reads), "");
  expect_fault(fault_of({1, 32, 64}, [] { shared_words()[1] = shared_words()[0]; }),
               "never written");
}

TEST_F(Checks, CopiesToTheHostBringWhatWasWritten) {
  Buffer memory;
  memory.need(64);
  std::vector<std::byte> to(64);
  fill_bytes(memory.as<void>(), 0, 60, nullptr);
  copy_out(to.data(), memory.as<void>(), 64, nullptr);
  EXPECT_THROW(synchronize(nullptr), std::logic_error);
}

TEST_F(Checks, MemoryEndsWhereItWasAskedFor) {
  const OnDevice words({1, 2, 3});
  unsigned* to = words.data();
  expect_fault(fault_of({1}, [=] { atomicAdd(to + 3, 1U); }), "not allocated");
  expect_fault(fault_of({1, 32, 64}, [] { shared_words()[16] = 1; }), "not allocated");
  copy_in(to, to, 16, nullptr);
  EXPECT_THROW(synchronize(nullptr), std::logic_error);
  unsigned* released = OnDevice({1, 2}).data();
  expect_fault(fault_of({1}, [=] { *released = 1; }), "not allocated");
}

TEST_F(Checks, TheHostAndTheDeviceHaveTheirOwnMemory) {
  std::vector<unsigned> host(1);
  unsigned* of_host = host.data();
  expect_fault(fault_of({1}, [=] { *of_host = 1; }), "the host's memory");
  PinnedBuffer pinned;
  auto* both = static_cast<unsigned*>(pinned.need(4));
  *both = 5;
  EXPECT_EQ(fault_of({1},
                     [=] {
                       if (threadIdx.x == 0) *both += 1;
                     }),
            "");
  EXPECT_EQ(*both, 6U);

  const OnDevice words({1});
  *words.data() = 2;
  EXPECT_THROW(synchronize(nullptr), std::logic_error);
}

/// A warp copies 16 bytes a lane to shared memory and sums what a neighbour has brought.
template <class Wait>
std::string copies(const unsigned char* from, Wait wait) {
  return fault_of({1, 32, 32 * 16}, [=] {
    for (unsigned i = 0; i < 4; ++i) shared_words()[4 * threadIdx.x + i] = 0;
    __syncwarp();
    copy_piece(shared_memory() + 16 * threadIdx.x, from + 16 * threadIdx.x);
    end_copies();
    wait();
    shared_words()[4 * threadIdx.x] += shared_words()[4 * (threadIdx.x ^ 1U) + 1];
  });
}

TEST_F(Checks, CopiesToSharedMemoryAreWaitedFor) {
  const OnDevice words(std::vector<unsigned>(128));
  const auto* from = reinterpret_cast<const unsigned char*>(words.data());
  expect_fault(copies(from, [] {}), "not waited for");
  expect_fault(copies(from, [] { wait_for_copies<1>(); }), "not waited for");
  expect_fault(copies(from, [] { wait_for_copies<0>(); }), "another lane of the warp");
  EXPECT_EQ(copies(from,
                   [] {
                     wait_for_copies<0>();
                     __syncwarp();
                   }),
            "");
}

TEST_F(Checks, CopiesDoNotOverwriteWhatIsRead) {
  const OnDevice words({1, 2, 3, 4});
  const auto* from = reinterpret_cast<const unsigned char*>(words.data());
  const auto kernel = [=](auto wait) {
    return [=] {
      if (threadIdx.x == 0) shared_words()[0] = 1;
      __syncwarp();
      const unsigned seen = shared_words()[0];
      wait();
      if (threadIdx.x == 5) copy_piece(shared_memory(), from);
      end_copies();
      wait_for_copies<0>();
      __syncwarp();
      if (threadIdx.x == 1) shared_words()[2] = seen;
    };
  };
  expect_fault(fault_of({1, 32, 16}, kernel([] {})), "another lane of the warp");
  EXPECT_EQ(fault_of({1, 32, 16}, kernel([] { __syncwarp(); })), "");
}

TEST_F(Checks, AStreamDoesNothingBeforeItIsWaitedFor) {
  const OnDevice words({7});
  Stream stream = make_stream();
  unsigned seen = 0;
  copy_out(&seen, words.data(), sizeof seen, stream);
  synchronize(nullptr);
  EXPECT_EQ(seen, 0U);
  synchronize(stream);
  EXPECT_EQ(seen, 7U);
  drop_stream(stream);
}

TEST_F(Checks, ReleasingWaitsForAllStreams) {
  const OnDevice words({7});
  Stream stream = make_stream();
  unsigned seen = 0;
  {
    const OnDevice others({8});
    copy_out(&seen, others.data(), sizeof seen, stream);
  }
  EXPECT_EQ(seen, 8U);
  drop_stream(stream);
}

TEST_F(Checks, WaitsThatNeverEndAreFaults) {
  expect_fault(fault_of({1, 64},
                        [] {
                          if (threadIdx.x < 32) __syncthreads();
                        }),
               "wait for one another in kernel");
}

TEST_F(ChecksDeathTest, AddressesAreAligned) {
  const OnDevice words(std::vector<unsigned>(8));
  const unsigned* from = words.data();
  EXPECT_DEATH(fault_of({1, 32, 64},
                        [=] {
                          *reinterpret_cast<uint4*>(shared_memory()) =
                              *reinterpret_cast<const uint4*>(from + 1);
                        }),
               "misaligned address");
}

TEST(DeviceScope, IsNeeded) {
  const auto reported = [] { EXPECT_THROW(synchronize(nullptr), std::logic_error); };
  release(allocate(4));
  reported();
  drop_stream(make_stream());
  reported();
  expect_fault(fault_of({1}, [] {}), "outside of a DeviceScope");
}

TEST_F(Checks, LaunchesThatACardRefusesAreErrors) {
  const auto nothing = emulation::call_of([] {});
  EXPECT_THROW(emulation::launch(nullptr, {"kernel", {0, 1, 1}, {32, 1, 1}, 0, nothing}),
               std::invalid_argument);
  EXPECT_THROW(emulation::launch(nullptr, {"kernel", {1, 1, 1}, {33, 1, 1}, 0, nothing}),
               std::invalid_argument);
  EXPECT_THROW(emulation::launch(nullptr, {"kernel", {1, 1, 1}, {32, 1, 1}, 228U << 10U, nothing}),
               std::invalid_argument);
}

}  // namespace
}  // namespace vecinal::cuda
