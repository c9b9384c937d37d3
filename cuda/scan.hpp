/// Launcher of the exact scan (scan.cu).
#pragma once

#include "score.hpp"
#include "search.hpp"

namespace vecinal::cuda {

struct ScanRequest {
  unsigned queries = 0;
  unsigned rows = 0;                     ///< to compare with
  const std::uint32_t* slots = nullptr;  ///< those, or null for the first ones
  unsigned most = 0;                     ///< best rows that each query gets
  void* found = nullptr;                 ///< queries x most Scored, in device memory
};

/// Shared memory of a block of scan().
[[nodiscard]] std::size_t scan_bytes(std::size_t query_bytes, std::size_t most);

/// Device memory that a scan needs beside its results.
[[nodiscard]] std::size_t scan_workspace(const ScanRequest& request);

void scan(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
          const ScanRequest& request, void* workspace, Stream stream);

/// Into how many parts, `most` at most, each of `panels` pieces of work is split where `together`
/// blocks run at once, in rounds: the fewest whose last round is nearly full.
[[nodiscard]] unsigned even_splits(unsigned panels, unsigned most, unsigned together);

/// Writes the best of the sorted lists of each query, `lists` of `most` keys, as the results of the
/// request.
void merge_lists(const std::uint64_t* partial, unsigned lists, const ScanRequest& request,
                 Stream stream);

}  // namespace vecinal::cuda
