#include "emulation.hpp"

#include <algorithm>
#include <array>
#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace emulation {
namespace {

namespace context = boost::context;

constexpr unsigned warp_size = 32;
constexpr std::size_t stack_bytes = std::size_t{128} << 10U;

/// What the threads of a warp hand one another. Two tables in turn: a thread that is ahead writes
/// into the one that nobody reads any more.
struct Warp {
  std::array<std::array<std::uint64_t, warp_size>, 2> tables{};
  unsigned arrived = 0;
  std::uint64_t turn = 0;  ///< exchanges that are complete
};

class Block;
thread_local Block* running = nullptr;

/// The threads of one block, and which of them runs.
class Block {
 public:
  Block(Place place, std::size_t shared_bytes)
      : count_(place.threads.x),
        warps_((count_ + warp_size - 1) / warp_size),
        shared_((shared_bytes + 15) / 16 + 1),
        place_(place) {}

  void run(const std::function<void()>& kernel) {
    thread_local context::pooled_fixedsize_stack stacks(stack_bytes);
    std::vector<context::fiber> fibres(count_);
    for (unsigned i = 0; i < count_; ++i)
      fibres[i] =
          context::fiber(std::allocator_arg, stacks, [this, &kernel](context::fiber&& back) {
            back_ = std::move(back);
            kernel();
            ++finished_;
            ++moves_;
            return std::move(back_);
          });
    running = this;
    const char* order = std::getenv("VECINAL_EMULATION_ORDER");
    const bool reverse = order != nullptr && std::string_view(order) == "reverse";
    while (finished_ < count_) {
      const std::uint64_t before = moves_;
      for (unsigned i = 0; i < count_; ++i) {
        const unsigned thread = reverse ? count_ - 1 - i : i;
        if (!fibres[thread]) continue;
        place_.thread.x = thread;
        fibres[thread] = std::move(fibres[thread]).resume();
      }
      // Nobody finished and nobody's wait ended: some wait for others that never come.
      if (moves_ == before) throw std::logic_error("emulation: threads wait for one another");
    }
    running = nullptr;
  }

  void wait_for_block() {
    const std::uint64_t turn = block_turn_;
    if (++block_arrived_ == count_) {
      block_arrived_ = 0;
      ++block_turn_;
    }
    const unsigned thread = place_.thread.x;
    while (block_turn_ == turn) hand_over(thread);
    ++moves_;
  }

  const std::uint64_t* exchange(std::uint64_t value) {
    const unsigned thread = place_.thread.x;
    Warp& warp = warps_[thread / warp_size];
    const std::uint64_t turn = warp.turn;
    std::array<std::uint64_t, warp_size>& table = warp.tables[turn % 2];
    table[thread % warp_size] = value;
    if (++warp.arrived == warp_size) {
      warp.arrived = 0;
      ++warp.turn;
    }
    while (warp.turn == turn) hand_over(thread);
    ++moves_;
    return table.data();
  }

  [[nodiscard]] const Place& place() const { return place_; }
  unsigned char* shared() { return reinterpret_cast<unsigned char*>(shared_.data()); }

 private:
  struct alignas(16) Chunk {
    std::array<unsigned char, 16> bytes;
  };

  void hand_over(unsigned thread) {
    back_ = std::move(back_).resume();
    place_.thread.x = thread;
  }

  unsigned count_;
  std::vector<Warp> warps_;
  std::vector<Chunk> shared_;
  Place place_;
  context::fiber back_;
  unsigned finished_ = 0;
  unsigned block_arrived_ = 0;
  std::uint64_t block_turn_ = 0;
  std::uint64_t moves_ = 0;
};

}  // namespace

void run(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& kernel) {
  if (block.x % warp_size != 0 || block.y != 1 || block.z != 1 || grid.z != 1)
    throw std::invalid_argument("emulation: blocks are of whole warps in x, grids of x and y");
  if (block.x > 1024 || grid.x == 0 || grid.y == 0 || grid.y > 65'535 ||
      shared_bytes > std::size_t{227} << 10U)
    throw std::invalid_argument("emulation: a launch that a card refuses");
  for (unsigned y = 0; y < grid.y; ++y)
    for (unsigned x = 0; x < grid.x; ++x)
      Block({{}, {x, y, 0}, block, grid}, shared_bytes).run(kernel);
}

const Place& place() { return running->place(); }
unsigned char* shared() { return running->shared(); }
void wait_for_block() { running->wait_for_block(); }
const std::uint64_t* exchange(std::uint64_t value) { return running->exchange(value); }

namespace {

/// Two words of each lane of the warp.
std::array<std::uint64_t, warp_size> both(unsigned first, unsigned second) {
  std::array<std::uint64_t, warp_size> all{};
  std::copy_n(exchange(first | std::uint64_t{second} << 32U), warp_size, all.begin());
  return all;
}

/// Calls add(i, words of a row, words of a vector) for all that sum i of the lane is made of.
template <class Add>
void for_products(const unsigned (&a)[4], const uint2& b, Add add) {
  const std::array<std::array<std::uint64_t, warp_size>, 2> rows{both(a[0], a[2]),
                                                                 both(a[1], a[3])};
  const std::array<std::uint64_t, warp_size> vectors = both(b.x, b.y);
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned t = 0; t < 4; ++t)
      add(i, rows[i / 2][lane() / 4 * 4 + t], vectors[(lane() % 4 * 2 + i % 2) * 4 + t]);
}

/// Products of two-byte values, four to a word pair; value(bits): of one.
template <class Value>
void multiply_values(float* sums, const unsigned (&a)[4], const uint2& b, Value value) {
  for_products(a, b, [&](unsigned i, std::uint64_t row, std::uint64_t vector) {
    for (unsigned shift = 0; shift < 64; shift += 16)
      sums[i] += value(static_cast<std::uint16_t>(row >> shift)) *
                 value(static_cast<std::uint16_t>(vector >> shift));
  });
}

}  // namespace

void multiply_bytes(int (&sums)[4], const unsigned (&a)[4], const uint2& b, bool is_signed) {
  for_products(a, b, [&](unsigned i, std::uint64_t row, std::uint64_t vector) {
    auto sum = static_cast<unsigned>(sums[i]);
    for (unsigned shift = 0; shift < 64; shift += 8) {
      const auto x = static_cast<int>(row >> shift & 0xFFU);
      const auto byte = static_cast<int>(vector >> shift & 0xFFU);
      const int q = is_signed && byte > 127 ? byte - 256 : byte;
      sum += static_cast<unsigned>(x * q);
    }
    sums[i] = static_cast<int>(sum);
  });
}

void multiply_bf16(float (&sums)[4], const unsigned (&a)[4], const uint2& b) {
  multiply_values(sums, a, b,
                  [](std::uint16_t bits) { return std::bit_cast<float>(unsigned{bits} << 16U); });
}

void multiply_halves(float* sums, const unsigned (&a)[4], const uint2& b) {
  multiply_values(sums, a, b, [](std::uint16_t bits) {
    __extension__ const auto half = std::bit_cast<_Float16>(bits);
    return static_cast<float>(half);
  });
}

}  // namespace emulation
