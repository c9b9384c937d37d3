#include "multivector/token_rows.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/check_room.hpp"
#include "core/concat.hpp"
#include "core/dot.hpp"
#include "core/parallel.hpp"
#include "multivector/sets.hpp"

namespace vecinal {
namespace {

constexpr std::size_t max_rows = (std::size_t{1} << 32U) - 2;
constexpr std::size_t grain = 64;

RowFormat format_of(Encoding encoding, std::size_t dim) {
  RowFormat format{.op = kernels::Op::negative_dot, .dim = dim};
  if (encoding == Encoding::f16) format.type = kernels::RowType::f16;
  if (encoding == Encoding::lvq8 || encoding == Encoding::lvq8x8)
    format.type = kernels::RowType::lvq8;
  return format;
}

}  // namespace

TokenRows::TokenRows(std::size_t dim, Encoding encoding, std::span<const float> mean)
    : mean_(mean.begin(), mean.end()), rows_(format_of(encoding, dim)) {
  if (encoding != Encoding::lvq8x8) return;
  RowFormat format = rows_.format();
  format.type = kernels::RowType::lvq8x8;
  rest_ = std::make_unique<Storage>(format, &rows_);
}

std::size_t TokenRows::bytes() const {
  return rows_.bytes() + (rest_ ? rest_->bytes() : 0) + extents_.bytes();
}

void TokenRows::release_retired() {
  each_level([](Storage& rows) { rows.raw().release_retired(); });
  extents_.release_retired();
}

void TokenRows::assign(std::span<const Slot> numbers, const Batch& sets, unsigned threads,
                       const char* call) {
  const std::size_t first = rows_.size();
  const std::size_t old_sets = extents_.size();
  std::size_t last = first;
  FreeExtents free = free_;
  std::vector<Slot> rows;  // by vector
  rows.reserve(sets.count);
  for (std::size_t i = 0; i < sets.items(); ++i) {
    const std::size_t count = sets.begin(i + 1) - sets.begin(i);
    auto begin = static_cast<Slot>(last);
    if (const std::optional<Slot> found = free.take(count)) {
      begin = *found;
    } else {
      check_room(last, count, max_rows, call, "vectors, of removed items included");
      last += count;
    }
    for (std::size_t j = 0; j < count; ++j) rows.push_back(static_cast<Slot>(begin + j));
  }
  std::vector<float> longest((sets.count + grain - 1) / grain, 0.0F);
  try {
    each_level([&](Storage& level) { level.resize(last); });
    parallel_for({.count = sets.count, .grain = grain, .threads = threads},
                 [&](std::size_t begin, std::size_t end, unsigned) {
                   const std::size_t out = encode(sets, begin, end, rows, longest[begin / grain]);
                   if (out != end)
                     refuse_vector(sets, out,
                                   concat("has a value out of range: the encoding holds ",
                                          rows_.codec().range()),
                                   call);
                 });
    extents_.resize(numbers.empty() ? old_sets
                                    : std::max<std::size_t>(old_sets, numbers.back() + 1));
  } catch (...) {
    each_level([&](Storage& level) {
      for (const Slot row : rows)
        if (row < first) level.clear(row);
      level.resize(first);
    });
    throw;
  }
  for (std::size_t i = 0; i < sets.items(); ++i) {
    const Slot begin = rows[sets.begin(i)];
    extents_[numbers[i]] = {begin, static_cast<Slot>(begin + sets.begin(i + 1) - sets.begin(i))};
  }
  free_ = std::move(free);
  for (const float length : longest) longest_ = std::max(longest_, length);
}

void TokenRows::release(std::span<const Slot> numbers) {
  FreeExtents free = free_;
  for (const Slot number : numbers) free.give(extents_[number]);
  for (const Slot number : numbers) {
    clear(extents_[number]);
    extents_[number] = {};
  }
  free_ = std::move(free);
}

void TokenRows::clear(Extent extent) {
  each_level([&](Storage& level) {
    for (Slot row = extent.begin; row < extent.end; ++row) level.clear(row);
  });
}

void TokenRows::take_back(Mark mark, std::span<const Slot> numbers) noexcept {
  for (const Slot number : numbers) {
    if (number >= extents_.size()) continue;
    clear(extents_[number]);
    extents_[number] = {};
  }
  extents_.resize(mark.sets);
  each_level([&](Storage& level) { level.resize(mark.rows); });
  free_ = std::move(mark.free);
  longest_ = mark.longest;
}

void TokenRows::copy(const TokenRows& from, std::span<const Slot> numbers, const Stretch& told) {
  std::vector<Slot> rows;
  extents_.resize(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const Extent extent = from.extents_[numbers[i]];
    extents_[i].begin = static_cast<Slot>(rows.size());
    for (Slot row = extent.begin; row < extent.end; ++row) rows.push_back(row);
    extents_[i].end = static_cast<Slot>(rows.size());
  }
  rows_.copy(from.rows_, rows, told.part(0, rest_ ? 0.5 : 1));
  if (rest_) rest_->copy(*from.rest_, rows, told.part(0.5, 1));
  longest_ = from.longest_;
}

void TokenRows::swap(TokenRows& other) noexcept {
  const std::size_t rows = rows_.size();
  rows_.raw().swap(other.rows_.raw());
  if (rest_) rest_->raw().swap(other.rest_->raw());
  const std::size_t others = other.size();
  each_level([&](Storage& level) { level.adopt_raw(others); });
  other.each_level([&](Storage& level) { level.adopt_raw(rows); });
  extents_.swap(other.extents_);
  std::swap(free_, other.free_);
}

bool TokenRows::adopt_raw(std::size_t rows) {
  std::vector<Extent> taken;
  for (const Extent& extent : extents_.view()) {
    if (extent.begin > extent.end || extent.end > rows) return false;
    if (!extent.empty()) taken.push_back(extent);
  }
  std::sort(taken.begin(), taken.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  taken.push_back({static_cast<Slot>(rows), static_cast<Slot>(rows)});
  Slot last = 0;
  for (const Extent& extent : taken) {
    if (extent.begin < last) return false;
    free_.give({last, extent.begin});
    last = extent.end;
  }
  each_level([&](Storage& level) { level.adopt_raw(rows); });
  return true;
}

std::size_t TokenRows::encode(const Batch& sets, std::size_t begin, std::size_t end,
                              std::span<const Slot> rows, float& longest) {
  QueryBuffer buffer(rows_);
  AlignedFloats centred(rows_.padded_dim());
  for (std::size_t i = begin; i < end; ++i) {
    for (std::size_t d = 0; d < dim(); ++d) centred.data()[d] = sets.row(i)[d] - mean_[d];
    const double length = std::sqrt(dot(centred.data(), centred.data(), dim()));
    longest = std::max(longest, static_cast<float>(length));
    bool in_range = true;
    each_level([&](Storage& level) {
      in_range &= level.set(rows[i], centred.data(), 0, buffer).in_range;
    });
    if (!in_range) return i;
  }
  return end;
}

void TokenRows::decode(std::size_t set, std::span<float> to) const {
  const auto [begin, end] = extent(set);
  AlignedFloats row(2 * rows_.padded_dim());
  for (Slot slot = begin; slot < end; ++slot) {
    full().decode(slot, row.data(), row.data() + rows_.padded_dim());
    float* vector = to.data() + (slot - begin) * dim();
    for (std::size_t d = 0; d < dim(); ++d) vector[d] = row.data()[d] + mean_[d];
  }
}

}  // namespace vecinal
