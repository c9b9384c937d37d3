/// Exact scans for few and for some queries, in two parts: from a sample of the rows queries have
/// limits, by which nearly all others are turned away at once.
#pragma once

#include "layout.hpp"
#include "scan.hpp"

namespace vecinal::cuda {

/// Writes the results of the request. workspace: memory for it.
void scan(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
          const ScanRequest& request, Buffer& workspace, Stream stream);

}  // namespace vecinal::cuda
