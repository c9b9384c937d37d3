/// Queries laid side by side as a backend wants them.
#pragma once

#include "backend/backend.hpp"
#include "core/pinned_array.hpp"
#include "encoding/storage.hpp"

namespace vecinal {

/// What a backend is told of the rows of a Storage.
[[nodiscard]] DeviceRowFormat device_format(const Storage& rows);

class QueryArrays {
 public:
  explicit QueryArrays(const Storage& rows)
      : rows_(rows), padded_dim_(rows.padded_dim()), codes_(rows.codec().is_code()) {}

  /// Makes room for `count` queries of these rows; those that were set are lost where it grows.
  void need(std::size_t count, Backend& backend);

  /// Query `at`, rounded as Storage::scorer() rounds it. Different queries may be set side by side,
  /// with a buffer for each thread.
  void set(std::size_t at, const Query& query, const QueryBuffer& buffer);

  /// A query that was set.
  [[nodiscard]] kernels::QueryView view(std::size_t at) const;

  /// The first `count` of them.
  [[nodiscard]] QueryBlock block(std::size_t count) const;

 private:
  const Storage& rows_;
  std::size_t padded_dim_;
  bool codes_;
  PinnedArray<float> values_;
  PinnedArray<std::int16_t> steps_;
  PinnedArray<QueryScale> scales_;
};

}  // namespace vecinal
