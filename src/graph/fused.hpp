/// Fused rows: behind each row lie the signs of its neighbours about it, so that one read of
/// memory gives the score of a node and estimates of all its neighbours (SymphonyQG, Gou et al.,
/// SIGMOD 2025; row and loop of docs/search-engine.md).
///
/// With x' a neighbour as decoded, c the node as decoded, r = x' - c, y the signs of r:
///   <q, r> = <q - c, r> + <c, r>, and <q - c, r> is estimated by <q - c, y> |r|^2 / <r, y>
///   (RaBitQ, Gao & Long, SIGMOD 2024), so
///   score(x') ~ score(c) + offset + factor <q, y>.
/// The error shrinks with the distances, and c being the decoded row adds none of its own. For
/// inner products, and queries projected unlike the rows, q is not near c: there <q, r> itself is
/// estimated, by <q, y> |r|^2 / <r, y>.
#pragma once

#include <span>
#include <vector>

#include "core/aligned_array.hpp"
#include "core/cache_lines.hpp"
#include "encoding/storage.hpp"
#include "graph/graph.hpp"
#include "graph/undo.hpp"

namespace vecinal {

/// What offsets and factors of a row's neighbours are counted in, powers of two.
struct FusedUnits {
  float offset = 1;
  float factor = 1;  ///< times the weight of the rows
};

/// Where the parts of a row's tail lie, in bytes from the start of the row:
///
///   | row | offsets, f16 x degree | factors, u8 x degree | units, 2 x f32 | zeros | signs |
///
/// Signs start on a cache line where that takes no line more, else they end with the row.
struct FusedLayout {
  FusedLayout() = default;

  /// filled_dim: values of a row that are not always zero.
  FusedLayout(std::size_t row_bytes, std::size_t filled_dim, std::uint32_t degree);

  /// What rows like these need behind them.
  [[nodiscard]] static std::size_t tail_bytes(const Storage& rows, std::size_t filled_dim,
                                              std::uint32_t degree) {
    return FusedLayout(rows.row_bytes(), filled_dim, degree).bytes - rows.row_bytes();
  }

  [[nodiscard]] FusedUnits read_units(const std::byte* row) const;
  [[nodiscard]] kernels::SignBlock block(const std::byte* row, std::size_t number) const;

  /// The first line that has nothing but signs.
  [[nodiscard]] std::size_t sign_lines() const { return whole_lines(signs); }

  std::size_t offsets = 0;
  std::size_t factors = 0;
  std::size_t units = 0;
  std::size_t signs = 0;
  std::size_t bytes = 0;        ///< of row and tail, whole lines
  std::size_t block_signs = 0;  ///< bytes of signs of 32 neighbours
  std::size_t blocks = 0;       ///< of 32 neighbours
  std::size_t dims = 0;         ///< that have signs
};

/// Nodes where walks start: as the neighbours of a row of zeros.
struct FusedEntries {
  std::size_t count = 0;
  std::vector<Node> nodes;  ///< filled up with no_slot to whole blocks
  AlignedArray<std::byte> row;
  FusedLayout layout;
};

/// Read side, taken at one moment.
struct FusedView {
  const FusedLayout* layout = nullptr;
  const FusedEntries* entries = nullptr;
};

class Fused {
 public:
  /// filled_dim: as of FusedLayout.
  Fused(const Storage& rows, std::size_t filled_dim, std::uint32_t degree);

  /// Writes the tails of changed rows, of those with kept links only what is new, and chooses the
  /// entries anew. No search over fused rows may be running.
  void refresh(Storage& rows, const Graph& graph, std::span<const ChangedRow> changed,
               unsigned threads);

  /// True if all that a walk computes with behind a row is finite. For files of doubtful origin.
  [[nodiscard]] bool sound(const std::byte* row) const;

  [[nodiscard]] FusedView view() const { return {&layout_, &entries_}; }
  [[nodiscard]] std::size_t bytes() const;

 private:
  class Writer;
  void choose_entries(const Storage& rows, const Graph& graph);

  FusedLayout layout_;
  FusedEntries entries_;
};

}  // namespace vecinal
