/// Launcher of the exact scan for many queries (panel_scan.cu).
#pragma once

#include "scan.hpp"

namespace vecinal::cuda {

/// Fewest queries that are worth panels.
inline constexpr unsigned least_panel_queries = 8;

/// Shared memory of a block.
[[nodiscard]] std::size_t panel_scan_bytes(const KindOfRows& kind, std::size_t padded_dim,
                                           std::size_t most);

/// As scan_lists() and scan_part(). Sums of floats are taken in another order. norms: of the
/// queries, squared; for floats.
[[nodiscard]] unsigned panel_scan_lists(const ScanRequest& request, unsigned rows);
void panel_scan_part(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
                     const float* norms, const ScanRequest& request, const ScanPart& part,
                     Stream stream);

}  // namespace vecinal::cuda
