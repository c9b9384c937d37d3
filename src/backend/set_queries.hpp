/// Queries of several vectors laid out as a backend wants them.
#pragma once

#include <span>
#include <vector>

#include "backend/backend.hpp"
#include "encoding/storage.hpp"

namespace vecinal {

class SetQueryArrays {
 public:
  /// tokens: the rows of the sets to be ranked, f32, f16 or lvq8.
  explicit SetQueryArrays(const Storage& tokens);

  /// The next query: its vectors, tokens.dim() floats each, rounded as ChamferQuery rounds them,
  /// and what its scores have added.
  void add(std::span<const float> vectors, double constant);

  /// All queries, and the sets to rank for them; valid until the next add().
  [[nodiscard]] SetQueries block(std::span<const RowRange> sets, std::span<const std::size_t> ends);

 private:
  const Storage& tokens_;
  std::vector<float> values_;
  std::vector<std::int16_t> steps_;
  std::vector<QueryScale> scales_;
  std::vector<std::size_t> offsets_ = {0};
  std::vector<double> constants_;
  QueryBlock vectors_;
};

}  // namespace vecinal
