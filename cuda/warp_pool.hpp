/// A sorted list of the best nodes, kept by one warp in shared memory: graph/pool.hpp on a device,
/// with the same keys and so the same total order (score, node).
///
/// New entries are placed by binary search and the list is shifted once for all of them. No table
/// of visited nodes is needed for the result: a node that is in the list is recognised by its key,
/// and one that has dropped out of it is worse than the last entry for ever.
#pragma once

#include "runtime.hpp"

namespace vecinal::cuda {

inline constexpr std::uint64_t no_key = ~std::uint64_t{0};
inline constexpr std::uint32_t no_node = 0xFFFFFFFFU;

/// {score as an ordered integer : 32 | node : 31 | expanded : 1}
__device__ inline std::uint64_t key_of(float score, std::uint32_t node) {
  const unsigned bits = __float_as_uint(__fadd_rn(score, 0.0F));
  const unsigned ordered = (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
  return static_cast<std::uint64_t>(ordered) << 32U | node << 1U;
}
__device__ inline float score_of(std::uint64_t key) {
  const auto bits = static_cast<unsigned>(key >> 32U);
  return __uint_as_float((bits & 0x80000000U) != 0 ? bits & 0x7FFFFFFFU : ~bits);
}
__device__ inline std::uint32_t node_of(std::uint64_t key) {
  return static_cast<std::uint32_t>(key) >> 1U;
}

/// An entry as the host reads it: core/types.hpp's Scored.
struct Found {
  float score;
  std::uint32_t node;
};
__device__ inline Found found_of(std::uint64_t key) {
  return key == no_key ? Found{0, no_node} : Found{score_of(key), node_of(key)};
}

/// Shared memory of a pool, which starts at a multiple of 8 bytes and has one.
__host__ __device__ inline std::size_t pool_bytes(std::size_t capacity) {
  return (capacity + warp_size) * sizeof(std::uint64_t) + warp_size * sizeof(unsigned);
}

/// All functions are for whole warps; every lane holds the same sizes.
class WarpPool {
 public:
  /// size: entries that lie in the memory already.
  __device__ WarpPool(unsigned char* memory, unsigned capacity, unsigned size = 0)
      : keys_(reinterpret_cast<std::uint64_t*>(memory)),
        fresh_(keys_ + capacity),
        places_(reinterpret_cast<unsigned*>(fresh_ + warp_size)),
        capacity_(capacity),
        size_(size) {}

  __device__ void clear() {
    size_ = 0;
    next_ = 0;
  }

  [[nodiscard]] __device__ unsigned size() const { return size_; }
  [[nodiscard]] __device__ std::uint64_t operator[](unsigned i) const { return keys_[i]; }

  /// The entries in order, each with its lowest bit as it was offered or popped.
  [[nodiscard]] __device__ const std::uint64_t* keys() const { return keys_; }

  /// Marks the first entry and no other.
  __device__ void mark_first(unsigned lane) {
    __syncwarp();  // some may still read the entries
    for (unsigned i = lane; i < size_; i += warp_size)
      keys_[i] = (keys_[i] & ~std::uint64_t{1}) | (i == 0 ? 1U : 0U);
    __syncwarp();
  }

  /// A bound that keys must be below to be kept.
  [[nodiscard]] __device__ std::uint64_t limit() const {
    return size_ < capacity_ ? no_key : keys_[size_ - 1] & ~std::uint64_t{1};
  }

  /// Offers the key of each lane, no_key for none; those of a call are distinct.
  __device__ void offer(std::uint64_t key, unsigned lane) {
    bool admitted = key < limit();
    if (!__any_sync(all_lanes, admitted)) return;
    const unsigned place = first_not_below(keys_, size_, key);
    if (place < size_ && (keys_[place] & ~std::uint64_t{1}) == key) admitted = false;
    const unsigned mask = __ballot_sync(all_lanes, admitted);
    if (mask == 0) return;
    const auto count = static_cast<unsigned>(__popc(mask));
    sort(key, place, admitted, mask, lane);
    make_room(count, lane);
    if (lane < count && places_[lane] + lane < capacity_)
      keys_[places_[lane] + lane] = fresh_[lane];
    size_ = size_ + count < capacity_ ? size_ + count : capacity_;
    next_ = next_ < places_[0] ? next_ : places_[0];
    __syncwarp();
  }

  /// Keeps the key of each lane, as far as it may be kept, to be offered with others: by far most
  /// that a scan sees are turned away, and an offer costs as much for one as for a warp full.
  /// waiting: how many there are, 0 at first; no other offers meanwhile.
  __device__ void gather(std::uint64_t key, unsigned& waiting, unsigned lane) {
    const bool admitted = key < limit();
    const unsigned mask = __ballot_sync(all_lanes, admitted);
    if (mask == 0) return;
    const auto count = static_cast<unsigned>(__popc(mask));
    if (waiting + count > warp_size) settle(waiting, lane);
    if (admitted) fresh_[waiting + __popc(mask & ((1U << lane) - 1U))] = key;
    waiting += count;
    __syncwarp();
  }

  /// Offers those that wait.
  __device__ void settle(unsigned& waiting, unsigned lane) {
    const std::uint64_t key = lane < waiting ? fresh_[lane] : no_key;
    waiting = 0;
    __syncwarp();
    offer(key, lane);
  }

  /// The best entry of the first `window` that was not expanded yet, marked so; no_key if none is.
  __device__ std::uint64_t pop(unsigned window, unsigned lane) {
    const unsigned end = window < size_ ? window : size_;
    while (next_ < end) {
      const unsigned at = next_ + lane;
      const std::uint64_t key = at < end ? keys_[at] : 1;
      const unsigned open = __ballot_sync(all_lanes, (key & 1U) == 0);
      if (open == 0) {
        next_ += warp_size;
        continue;
      }
      const int first = __ffs(open) - 1;
      const std::uint64_t best = __shfl_sync(all_lanes, key, first);
      __syncwarp();  // an offer that kept nothing has read keys and ends without
      if (static_cast<int>(lane) == first) keys_[at] = key | 1U;
      next_ += static_cast<unsigned>(first) + 1;
      __syncwarp();
      return best;
    }
    return no_key;
  }

 private:
  __device__ static unsigned first_not_below(const std::uint64_t* keys, unsigned count,
                                             std::uint64_t key) {
    unsigned low = 0;
    unsigned high = count;
    while (low < high) {
      const unsigned middle = (low + high) / 2;
      if (keys[middle] < key)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  /// Puts the admitted keys and their places in order into fresh_ and places_.
  __device__ void sort(std::uint64_t key, unsigned place, bool admitted, unsigned mask,
                       unsigned lane) {
    const auto count = static_cast<unsigned>(__popc(mask));
    if (admitted) fresh_[__popc(mask & ((1U << lane) - 1U))] = key;
    __syncwarp();
    unsigned rank = 0;
    for (unsigned i = 0; i < count; ++i) rank += fresh_[i] < key ? 1U : 0U;
    __syncwarp();
    if (admitted) {
      fresh_[rank] = key;
      places_[rank] = place;
    }
    __syncwarp();
  }

  /// Moves every entry up by the number of new ones before it, the last first.
  __device__ void make_room(unsigned count, unsigned lane) {
    const unsigned first = places_[0];
    for (unsigned base = (size_ + warp_size - 1) / warp_size * warp_size; base > first;) {
      base -= warp_size;
      const unsigned at = base + lane;
      const bool moves = at >= first && at < size_;
      const std::uint64_t key = moves ? keys_[at] : 0;
      unsigned shift = 0;
      for (unsigned i = 0; i < count; ++i) shift += places_[i] <= at ? 1U : 0U;
      __syncwarp();
      if (moves && at + shift < capacity_) keys_[at + shift] = key;
      __syncwarp();
    }
  }

  std::uint64_t* keys_;
  std::uint64_t* fresh_;
  unsigned* places_;
  unsigned capacity_;
  unsigned size_;
  unsigned next_ = 0;
};

}  // namespace vecinal::cuda
