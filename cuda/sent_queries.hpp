/// Queries on their way to the device.
#pragma once

#include <algorithm>

#include "backend.hpp"

namespace vecinal::cuda {

/// Queries of a launch: grids have at most 65,535 blocks in y, and results of a launch should fit
/// memory with room to spare.
inline constexpr std::size_t most_queries = 16'384;

/// Queries first .. first + count - 1 on their way to the device.
class SentQueries {
 public:
  SentQueries(const CudaRows& rows, const QueryBlock& queries, std::size_t first, std::size_t count,
              Upload& upload)
      : bytes_(rows.query_bytes()), codes_(rows.codes()) {
    const auto* values = codes_ ? reinterpret_cast<const unsigned char*>(queries.steps)
                                : reinterpret_cast<const unsigned char*>(queries.values);
    values_ = upload.add(values + first * bytes_, count * bytes_);
    if (codes_)
      scales_ = upload.add(reinterpret_cast<const float*>(queries.scales + first), 3 * count);
  }

  [[nodiscard]] QueriesView view(const Upload& upload) const {
    return {upload[values_], bytes_, codes_ ? upload[scales_] : nullptr};
  }

 private:
  std::size_t bytes_;
  bool codes_;
  Layout::Place<unsigned char> values_;
  Layout::Place<float> scales_;
};
static_assert(sizeof(QueryScale) == 3 * sizeof(float));

/// Calls use(first, count) for pieces of the queries.
template <class Use>
void in_pieces(std::size_t queries, Use use) {
  for (std::size_t first = 0; first < queries; first += most_queries)
    use(first, std::min(most_queries, queries - first));
}

}  // namespace vecinal::cuda
