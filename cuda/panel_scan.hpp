/// Launcher of the exact scan for many queries (panel_scan.cu).
#pragma once

#include "scan.hpp"

namespace vecinal::cuda {

/// Fewest queries that are worth panels.
inline constexpr unsigned least_panel_queries = 8;

/// Shared memory of a block, and device memory beside the results.
[[nodiscard]] std::size_t panel_scan_bytes(const KindOfRows& kind, std::size_t padded_dim,
                                           std::size_t most);
[[nodiscard]] std::size_t panel_scan_workspace(const ScanRequest& request);

/// As scan(). Sums of floats are taken in another order.
void panel_scan(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
                const ScanRequest& request, void* workspace, Stream stream);

}  // namespace vecinal::cuda
