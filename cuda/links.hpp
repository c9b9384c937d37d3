/// Launchers of the parallel work of building a graph (links.cu).
#pragma once

#include "graph_view.hpp"
#include "row_query.hpp"
#include "search.hpp"

namespace vecinal::cuda {

struct LinkShape {
  RowScore score;
  unsigned beam = 0;
  unsigned degree = 0;
  unsigned fill = 0;
  float alpha = 1;
  float shift = 0;
};

/// Where the bytes of a row lie from its start in device memory.
struct RowBytes {
  std::size_t begin = 0;
  std::size_t words = 0;  ///< of 4 bytes
};

/// Items that have a level, the first ones, and where the links they choose there begin.
struct LevelItems {
  unsigned count = 0;
  std::uint64_t first = 0;
};

struct FindRequest {
  RowBytes row;
  const std::uint32_t* slots = nullptr;
  std::uint32_t* twins = nullptr;
  void* links = nullptr;  ///< Scored
  unsigned levels = 0;
  LevelItems of_level[max_levels];
};

struct PruneTargets {
  unsigned count = 0;
  const std::uint32_t* targets = nullptr;
  const std::uint32_t* ends = nullptr;     ///< of each target's new links in `scores` and `sources`
  const float* scores = nullptr;           ///< of the new links
  const std::uint32_t* sources = nullptr;  ///< of the new links: 2 * node + must be kept
  const std::uint32_t* keep = nullptr;  ///< bits of each row's places that must be kept, in words
  unsigned keep_words = 0;              ///< of a row
  unsigned most = 0;                    ///< candidates that one target has at most
  std::uint32_t* rows = nullptr;        ///< count x degree nodes
};

/// Shared memory of a block of find_links(), and of prune() with so many candidates.
[[nodiscard]] std::size_t find_bytes(std::size_t query_bytes, const LinkShape& shape);
[[nodiscard]] std::size_t prune_bytes(std::size_t query_bytes, const LinkShape& shape,
                                      std::size_t most);

void find_links(const KindOfRows& kind, const RowsView& rows, std::size_t query_bytes,
                const GraphView& graph, const LinkShape& shape, const FindRequest& request,
                Stream stream);

void prune(const KindOfRows& kind, const RowsView& rows, std::size_t query_bytes,
           const GraphView& graph, const LinkShape& shape, const PruneTargets& request,
           Stream stream);

/// links[nodes[i]] = rows[i], rows of `degree` links.
void set_rows(std::uint32_t* links, unsigned degree, const std::uint32_t* nodes,
              const std::uint32_t* rows, unsigned count, Stream stream);

}  // namespace vecinal::cuda
