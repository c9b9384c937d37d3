/// What a backend is told of fused rows: the signs that lie behind rows (graph/fused.hpp), and how
/// far walks by them go. Plain views; the callers keep the memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace vecinal {

/// Where the parts of a tail lie in host memory, in bytes from its start: offsets first, then as
/// FusedLayout has them.
struct TailFormat {
  std::size_t factors = 0;
  std::size_t units = 0;
  std::size_t signs = 0;
  std::size_t bytes = 0;   ///< of a tail
  std::size_t blocks = 0;  ///< of 32 neighbours
  std::size_t dims = 0;    ///< that have signs; a multiple of 4
};

/// Nodes where walks start: they have a tail of their own, as the neighbours of a row of zeros.
struct EntryNodes {
  TailFormat format;
  const std::byte* tail = nullptr;
  std::span<const std::uint32_t> nodes;  ///< filled up with no_slot to whole blocks
};

/// Tails in host memory.
struct HostTails {
  TailFormat format;
  std::size_t count = 0;
  const std::byte* from = nullptr;  ///< the first
  std::size_t stride = 0;           ///< bytes from one to the next
};

/// A copy of the tails of some rows, and of the entries.
class DeviceTails {
 public:
  virtual ~DeviceTails() = default;

  /// Replaces all of them.
  virtual void put(const HostTails& tails, const EntryNodes& entries) = 0;

  /// Of those that are there, replaces those of the nodes; adds what is new.
  virtual void put_changed(const HostTails& tails, std::span<const std::uint32_t> nodes,
                           const EntryNodes& entries) = 0;
  [[nodiscard]] virtual std::size_t bytes() const = 0;
};

/// How far walks over fused rows go: FusedBreadth in graph/fused_walk.hpp, all nodes being
/// accepted.
struct DeviceFusedBreadth {
  std::size_t k = 0;
  std::size_t beam = 0;
  std::size_t capacity = 0;  ///< >= beam, k
  float gamma = std::numeric_limits<float>::infinity();
  float shift = 0;
};

}  // namespace vecinal
