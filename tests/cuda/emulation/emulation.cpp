#include "emulation.hpp"

#include <array>
#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "block_memory.hpp"
#include "streams.hpp"

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
  std::uint32_t interval = 0;
};

class Block;
thread_local Block* running = nullptr;

/// The threads of one block, and which of them runs.
class Block {
 public:
  /// number: of the launch.
  Block(const Launch& launch, std::uint32_t number, Place place)
      : launch_(launch),
        count_(place.threads.x),
        warps_((count_ + warp_size - 1) / warp_size),
        place_(place),
        memory_(launch.name, number, launch.shared_bytes, count_) {
    memory_.knows(launch.call.parameters.get(), launch.call.parameter_bytes);
    memory_.knows(&place_, sizeof place_);
    memory_.knows(warps_.data(), warps_.size() * sizeof(Warp));
  }

  void run() {
    thread_local context::pooled_fixedsize_stack stacks(stack_bytes);
    std::vector<context::fiber> fibres(count_);
    for (unsigned i = 0; i < count_; ++i)
      fibres[i] = context::fiber(std::allocator_arg, stacks, [this, i](context::fiber&& back) {
        back_ = std::move(back);
        memory_.has_stack(i, &back, stack_bytes);
        launch_.call.run(launch_.call.parameters.get());
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
      if (moves_ != before) continue;
      // Nobody finished and nobody's wait ended: some wait for others that never come. Their
      // stacks stay as they are.
      static_cast<void>(new std::vector<context::fiber>(std::move(fibres)));
      running = nullptr;
      throw std::logic_error(std::string("emulation: threads wait for one another in ") +
                             launch_.name);
    }
    running = nullptr;
  }

  void wait_for_block() {
    const std::uint64_t turn = block_turn_;
    if (++block_arrived_ == count_) {
      block_arrived_ = 0;
      ++block_turn_;
      memory_.begin_interval();
    }
    const unsigned thread = place_.thread.x;
    while (block_turn_ == turn) hand_over(thread);
    ++moves_;
  }

  const std::uint64_t* exchange(std::uint64_t value, bool orders_memory) {
    const unsigned thread = place_.thread.x;
    Warp& warp = warps_[thread / warp_size];
    const std::uint64_t turn = warp.turn;
    std::array<std::uint64_t, warp_size>& table = warp.tables[turn % 2];
    table[thread % warp_size] = value;
    if (++warp.arrived == warp_size) {
      warp.arrived = 0;
      ++warp.turn;
      if (orders_memory) ++warp.interval;
    }
    while (warp.turn == turn) hand_over(thread);
    ++moves_;
    return table.data();
  }

  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] Who who() const {
    const unsigned thread = place_.thread.x;
    return {static_cast<std::uint16_t>(thread), warps_[thread / warp_size].interval};
  }
  BlockMemory& memory() { return memory_; }

 private:
  void hand_over(unsigned thread) {
    back_ = std::move(back_).resume();
    place_.thread.x = thread;
  }

  const Launch& launch_;
  unsigned count_;
  std::vector<Warp> warps_;
  Place place_;
  BlockMemory memory_;
  context::fiber back_;
  unsigned finished_ = 0;
  unsigned block_arrived_ = 0;
  std::uint64_t block_turn_ = 0;
  std::uint64_t moves_ = 0;
};

void run(const Launch& launch) {
  // Who touched what is known for one launch at a time.
  static std::mutex lock;
  const std::unique_lock guard =
      checks_accesses ? std::unique_lock(lock) : std::unique_lock<std::mutex>();
  const std::uint32_t number = BlockMemory::begin_launch();
  for (unsigned y = 0; y < launch.grid.y; ++y)
    for (unsigned x = 0; x < launch.grid.x; ++x)
      Block(launch, number, {{}, {x, y, 0}, launch.block, launch.grid}).run();
  throw_reported();
}

}  // namespace

void launch(void* stream, Launch launch) {
  const dim3& grid = launch.grid;
  const dim3& block = launch.block;
  if (block.x % warp_size != 0 || block.y != 1 || block.z != 1 || grid.z != 1)
    throw std::invalid_argument("emulation: blocks are of whole warps in x, grids of x and y");
  if (block.x > 1024 || grid.x == 0 || grid.y == 0 || grid.y > 65'535 ||
      launch.shared_bytes > most_shared_bytes)
    throw std::invalid_argument("emulation: a launch that a card refuses");
  enqueue(stream, [launch = std::move(launch)] { run(launch); });
}

const Place& place() { return running->place(); }
unsigned char* shared() { return running->memory().shared(); }
void wait_for_block() { running->wait_for_block(); }
const std::uint64_t* exchange(std::uint64_t value) { return running->exchange(value, false); }
void wait_for_warp() { running->exchange(0, true); }

void begin_copy(unsigned char* shared, const unsigned char* from) {
  running->memory().begin_copy(shared, from, running->who());
}
void end_copies() { running->memory().end_copies(running->who()); }
void wait_for_copies(unsigned behind) { running->memory().wait_for_copies(behind, running->who()); }

void touched(const void* at, std::size_t bytes, Access access, const void* code) {
  if (running == nullptr) return touched_by_host(at, bytes);
  Who who = running->who();
  who.code = code;
  running->memory().touched(at, bytes, access, who);
}

void touch_atomically(const void* at, std::size_t bytes) {
  if constexpr (checks_accesses) touched(at, bytes, Access::atomic, __builtin_return_address(0));
}

}  // namespace emulation
