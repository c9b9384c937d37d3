#include "accesses.hpp"

#include <algorithm>

namespace emulation {
namespace {

constexpr unsigned warp_size = 32;

// What the thread of a stamp stands for.
constexpr std::uint8_t one_thread = 0;
constexpr std::uint8_t lanes = 1;  ///< several of its warp, in one interval of the warp
constexpr std::uint8_t warps = 2;  ///< several of the block
constexpr std::uint8_t kinds = 3;
constexpr std::uint8_t atomically = 4;
constexpr std::uint8_t other_blocks = 8;  ///< others of the launch besides

/// Four bytes and which of them.
struct Word {
  const Region& region;
  std::size_t index;
  std::uint8_t bytes;
};

bool same_warp(const Stamp& stamp, const Actor& actor) {
  return stamp.thread / warp_size == actor.thread / warp_size;
}

/// With whom an actor collides that touches what others have, null if with nobody.
const char* collision(const Stamp& stamp, const Word& word, const Actor& actor) {
  if ((stamp.bytes & word.bytes) == 0) return nullptr;
  if (stamp.interval < (word.region.of_block ? actor.block_began : actor.launch_began))
    return nullptr;
  if (!word.region.of_block &&
      (stamp.interval < actor.block_began || (stamp.kind & other_blocks) != 0))
    return "another block of the launch";
  if (stamp.interval < actor.interval) return nullptr;
  const unsigned kind = stamp.kind & kinds;
  if (kind == warps) return "several warps of the block";
  if (kind == one_thread && stamp.thread == actor.thread) return nullptr;
  if (!same_warp(stamp, actor)) return "another warp of the block";
  return stamp.warp_interval < actor.warp_interval ? nullptr : "another lane of the warp";
}

Stamp stamp_of(const Word& word, const Actor& actor, std::uint8_t kind) {
  return {actor.interval, actor.warp_interval, actor.thread, word.bytes, kind};
}

/// All who have read since the last barrier are remembered, as one of few kinds.
Stamp joined(const Stamp& before, const Word& word, const Actor& actor) {
  Stamp now = stamp_of(word, actor, one_thread);
  if (before.interval < actor.launch_began) return now;
  if (before.interval < actor.block_began || (before.kind & other_blocks) != 0)
    now.kind |= other_blocks;
  if (before.interval != actor.interval) return now;
  now.bytes |= before.bytes;
  const unsigned kind = before.kind & kinds;
  if (kind == warps || !same_warp(before, actor))
    now.kind |= warps;
  else if (before.warp_interval == actor.warp_interval &&
           (kind == lanes || before.thread != actor.thread))
    now.kind |= lanes;
  return now;
}

const char* touch_word(const Word& word, Access access, const Actor& actor) {
  Touched& touched = word.region.touched[word.index];
  const bool both_atomic = access == Access::atomic && (touched.wrote.kind & atomically) != 0;
  const char* with = both_atomic ? nullptr : collision(touched.wrote, word, actor);
  if (access == Access::read) {
    touched.read = joined(touched.read, word, actor);
    return with;
  }
  if (with == nullptr) with = collision(touched.read, word, actor);
  touched.wrote = stamp_of(word, actor, access == Access::atomic ? atomically : one_thread);
  return with;
}

const char* verb(Access access) {
  switch (access) {
    case Access::read:
      return "reads";
    case Access::write:
      return "writes";
    default:
      return "changes atomically";
  }
}

/// What is wrong with the bytes themselves.
const char* fault_of(const Byte* states, std::size_t bytes, Access access) {
  for (std::size_t i = 0; i < bytes; ++i) {
    if (states[i] == Byte::nothing) return "is not allocated";
    if (states[i] == Byte::coming) return "is on its way by a copy that was not waited for";
    if (states[i] == Byte::unset && access != Access::write) return "was never written";
  }
  return nullptr;
}

std::string describe(const Region& region, const void* at, std::size_t bytes, Access access) {
  return std::string(verb(access)) + " " + std::to_string(bytes) + " bytes of " + region.name +
         " memory at " + std::to_string(region.offset(at));
}

}  // namespace

std::string touch(const Region& region, const void* at, std::size_t bytes, Access access,
                  const Actor& actor) {
  const std::size_t begin = region.offset(at);
  Byte* states = region.states + begin;
  if (const char* fault = fault_of(states, bytes, access); fault != nullptr)
    return describe(region, at, bytes, access) + ", which " + fault;
  if (access != Access::read) std::fill_n(states, bytes, Byte::set);
  const char* with = nullptr;
  for (std::size_t i = begin; i < begin + bytes;) {
    const std::size_t end = std::min((i / 4 + 1) * 4, begin + bytes);
    const auto mask = static_cast<std::uint8_t>(((1U << (end - i)) - 1U) << i % 4);
    const char* found = touch_word({region, i / 4, mask}, access, actor);
    if (with == nullptr) with = found;
    i = end;
  }
  if (with == nullptr) return {};
  return describe(region, at, bytes, access) + " in no order with " + with;
}

void expect(const Region& region, const void* at, std::size_t bytes) {
  std::fill_n(region.states + region.offset(at), bytes, Byte::coming);
}

}  // namespace emulation
