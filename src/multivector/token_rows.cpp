#include "multivector/token_rows.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/concat.hpp"
#include "core/dot.hpp"
#include "core/parallel.hpp"

namespace vecinal {
namespace {

constexpr std::size_t max_rows = (std::size_t{1} << 32U) - 2;
constexpr std::size_t grain = 64;

kernels::RowType row_type(Encoding encoding) {
  switch (encoding) {
    case Encoding::f32:
      return kernels::RowType::f32;
    case Encoding::f16:
      return kernels::RowType::f16;
    default:
      return kernels::RowType::lvq8;
  }
}

}  // namespace

TokenRows::TokenRows(std::size_t dim, Encoding encoding, std::span<const float> mean)
    : mean_(mean.begin(), mean.end()),
      rows_({.type = row_type(encoding), .op = kernels::Op::negative_dot, .dim = dim}) {}

void TokenRows::append(const Batch& sets, unsigned threads) {
  const std::size_t first = rows_.size();
  if (sets.count > max_rows - first)
    throw std::length_error(
        concat("add: an index holds at most ", max_rows, " vectors, of removed items included"));
  const std::size_t old_sets = ends_.size();
  std::vector<float> longest((sets.count + grain - 1) / grain, 0.0F);
  try {
    rows_.resize(first + sets.count);
    parallel_for({.count = sets.count, .grain = grain, .threads = threads},
                 [&](std::size_t begin, std::size_t end, unsigned) {
                   QueryBuffer buffer(rows_);
                   encode(sets, begin, end, first, buffer, longest[begin / grain]);
                 });
    ends_.resize(old_sets + sets.items());
  } catch (...) {
    rows_.resize(first);
    throw;
  }
  for (std::size_t i = 0; i < sets.items(); ++i)
    ends_[old_sets + i] = static_cast<Slot>(first + sets.begin(i + 1));
  for (const float length : longest) longest_ = std::max(longest_, length);
}

void TokenRows::encode(const Batch& sets, std::size_t begin, std::size_t end, std::size_t first,
                       QueryBuffer& buffer, float& longest) {
  AlignedFloats centred(rows_.padded_dim());
  for (std::size_t i = begin; i < end; ++i) {
    for (std::size_t d = 0; d < dim(); ++d) centred.data()[d] = sets.row(i)[d] - mean_[d];
    const double length = std::sqrt(dot(centred.data(), centred.data(), dim()));
    longest = std::max(longest, static_cast<float>(length));
    const auto slot = static_cast<Slot>(first + i);
    if (rows_.set(slot, centred.data(), 0, buffer).in_range) continue;
    std::size_t set = 0;
    while (sets.begin(set + 1) <= i) ++set;
    throw std::invalid_argument(concat("add: vector ", i - sets.begin(set), " of set ", set,
                                       " has a value out of range: the encoding holds ",
                                       rows_.codec().range()));
  }
}

void TokenRows::truncate(std::size_t count) {
  rows_.resize(count == 0 ? 0 : ends_[count - 1]);
  ends_.resize(count);
}

void TokenRows::decode(std::size_t set, std::span<float> to) const {
  const auto [begin, end] = range(set);
  AlignedFloats row(2 * rows_.padded_dim());
  for (Slot slot = begin; slot < end; ++slot) {
    rows_.decode(slot, row.data(), row.data() + rows_.padded_dim());
    float* vector = to.data() + (slot - begin) * dim();
    for (std::size_t d = 0; d < dim(); ++d) vector[d] = row.data()[d] + mean_[d];
  }
}

}  // namespace vecinal
