/// Launchers of the exact scan for few queries, and of what joins lists of keys (scan.cu).
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

/// Some of the rows of a request, and where sorted lists of the best keys of each query go:
/// scan_lists() of them, number first_list on of the query's `lists`.
struct ScanPart {
  unsigned begin = 0;
  unsigned end = 0;
  std::uint64_t* keys = nullptr;  ///< request.most a list
  unsigned lists = 0;
  unsigned first_list = 0;
  const std::uint64_t* limits = nullptr;  ///< of each query: keys must be below; null: none

  [[nodiscard]] __host__ __device__ unsigned rows() const { return end - begin; }
  [[nodiscard]] __device__ std::uint64_t* list(std::size_t query, unsigned number,
                                               unsigned most) const {
    return keys + (query * lists + first_list + number) * most;
  }
  [[nodiscard]] __device__ std::uint64_t limit(std::size_t query) const {
    return limits == nullptr ? ~std::uint64_t{0} : limits[query];
  }
};

/// Shared memory of a block of scan_part().
[[nodiscard]] std::size_t scan_bytes(std::size_t query_bytes, std::size_t most);
[[nodiscard]] unsigned scan_lists(const ScanRequest& request, unsigned rows);
void scan_part(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
               const ScanRequest& request, const ScanPart& part, Stream stream);

/// Into how many parts, `most` at most, each of `panels` pieces of work is split where `together`
/// blocks run at once, in rounds: the fewest whose last round is nearly full.
[[nodiscard]] unsigned even_splits(unsigned panels, unsigned most, unsigned together);

/// Writes the best keys of the first `count` lists of each query as the results of the request.
void merge_lists(const ScanPart& part, unsigned count, const ScanRequest& request, Stream stream);

/// Writes the last of the request.most best keys of those lists as the query's limit, no_key if
/// there are fewer.
void limit_lists(const ScanPart& part, unsigned count, const ScanRequest& request,
                 std::uint64_t* limits, Stream stream);

}  // namespace vecinal::cuda
