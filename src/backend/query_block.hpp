/// Queries laid side by side as a backend wants them.
#pragma once

#include <span>
#include <vector>

#include "backend/backend.hpp"
#include "core/aligned_array.hpp"
#include "encoding/storage.hpp"

namespace vecinal {

/// What a backend is told of the rows of a Storage.
[[nodiscard]] DeviceRowFormat device_format(const Storage& rows);

class QueryArrays {
 public:
  /// Makes room for `count` queries of these rows.
  QueryArrays(const Storage& rows, std::size_t count);

  /// Query `at`, rounded as Storage::scorer() rounds it. Different queries may be set side by side,
  /// with a buffer for each thread.
  void set(std::size_t at, const Query& query, const QueryBuffer& buffer);

  /// The first `count` of them.
  [[nodiscard]] QueryBlock block(std::size_t count) const;

 private:
  const Storage& rows_;
  std::size_t padded_dim_;
  AlignedFloats values_;
  AlignedArray<std::int16_t> steps_;
  std::vector<QueryScale> scales_;
};

}  // namespace vecinal
