#include "backend/set_queries.hpp"

#include <algorithm>
#include <numeric>

namespace vecinal {

SetQueryArrays::SetQueryArrays(const Storage& tokens) : tokens_(tokens) {}

void SetQueryArrays::add(std::span<const float> vectors, double constant) {
  const std::size_t padded = tokens_.padded_dim();
  const std::size_t count = vectors.size() / tokens_.dim();
  AlignedFloats query(padded);
  AlignedArray<std::int16_t> steps(padded);
  for (std::size_t i = 0; i < count; ++i) {
    std::copy_n(vectors.data() + i * tokens_.dim(), tokens_.dim(), query.data());
    if (!tokens_.codec().is_code()) {
      values_.insert(values_.end(), query.data(), query.data() + padded);
      continue;
    }
    const float size = to_steps(query.data(), padded, kernels::max_tile_sum, steps.data());
    const int sum = std::accumulate(steps.data(), steps.data() + padded, 0);
    steps_.insert(steps_.end(), steps.data(), steps.data() + padded);
    scales_.push_back({size, static_cast<float>(sum), 0});
  }
  offsets_.push_back(offsets_.back() + count);
  constants_.push_back(constant);
}

SetQueries SetQueryArrays::block(std::span<const RowRange> sets,
                                 std::span<const std::size_t> ends) {
  vectors_.count = offsets_.back();
  if (tokens_.codec().is_code()) {
    vectors_.steps = steps_.data();
    vectors_.scales = scales_.data();
  } else {
    vectors_.values = values_.data();
  }
  return {vectors_, offsets_, constants_, sets, ends};
}

}  // namespace vecinal
