/// Launcher of graph search by fused rows (fused_search.cu).
#pragma once

#include "graph_view.hpp"
#include "search.hpp"
#include "sign_tails.hpp"

namespace vecinal::cuda {

/// DeviceFusedBreadth, but for beam and capacity, which are the request's window and capacity.
struct FusedStop {
  unsigned k = 0;
  float gamma = 0;  ///< +inf for none
  float shift = 0;
};

/// Shared memory of a block of search_fused().
[[nodiscard]] std::size_t fused_search_bytes(std::size_t query_bytes, std::uint32_t words,
                                             std::size_t capacity);

/// rows: lvq8 or lvq4. layer: level 0, whose degree is that of the tails.
void search_fused(const KindOfRows& kind, const RowsView& rows, const LayerView& layer,
                  const TailsView& tails, const QueriesView& queries, const SearchRequest& request,
                  const FusedStop& stop, Stream stream);

}  // namespace vecinal::cuda
