/// Launchers of Chamfer ranking (chamfer.cu).
#pragma once

#include "score.hpp"
#include "search.hpp"

namespace vecinal::cuda {

/// Up to 32 vectors of one query.
struct QueryTile {
  std::uint32_t first = 0;  ///< vector
  std::uint32_t count = 0;
};

/// Queries of several vectors, in device memory.
struct SetQueriesView {
  const unsigned char* values = nullptr;  ///< floats or steps, vector by vector
  const float* scales = nullptr;          ///< codes: size of a step, sum of steps, unused
  const QueryTile* tiles = nullptr;
  unsigned char* panels = nullptr;      ///< tile by tile, made by pack()
  std::size_t panel_bytes = 0;          ///< of a tile
  const std::uint32_t* ends = nullptr;  ///< the tile after the last one of each query
  const double* constants = nullptr;    ///< one a query
};

/// A stored set.
struct Range {
  std::uint32_t begin;
  std::uint32_t end;
};

struct ChamferRequest {
  unsigned queries = 0;
  unsigned tiles = 0;    ///< of all queries
  std::size_t most = 0;  ///< sets of the query that has most of them
  const Range* sets = nullptr;
  const std::uint64_t* ends = nullptr;  ///< the set after the last one of each query
  float* scores = nullptr;              ///< one a set
};

/// Bytes of the panel of a tile.
[[nodiscard]] std::size_t panel_bytes(kernels::RowType type, std::size_t padded_dim);

/// Packs the panels, then ranks the sets. type: f32, f16 or lvq8.
void chamfer(kernels::RowType type, const RowsView& tokens, const SetQueriesView& queries,
             const ChamferRequest& request, Stream stream);

}  // namespace vecinal::cuda
