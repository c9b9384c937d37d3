#include "multivector/chamfer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/dot.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

/// Rows made ready at a time, so that they stay in the first cache while all panels pass them.
constexpr std::size_t block = 48;

constexpr float lowest = -std::numeric_limits<float>::infinity();

/// The first block of some rows.
Extent head(Extent rows) {
  return {rows.begin, static_cast<Slot>(std::min<std::size_t>(rows.end, rows.begin + block))};
}

/// The vectors of a query, or the sums of clusters of them.
std::vector<float> carve(const Batch& vectors, std::size_t begin, std::size_t end, float least) {
  const std::size_t dim = vectors.dim;
  std::vector<float> carved;
  std::vector<std::uint8_t> taken(end - begin, 0);
  const auto length = [&](const float* vector) { return std::sqrt(dot(vector, vector, dim)); };
  for (std::size_t i = begin; i < end; ++i) {
    if (taken[i - begin] != 0) continue;
    const float* first = vectors.row(i);
    carved.insert(carved.end(), first, first + dim);
    if (least == 0) continue;
    float* sum = carved.data() + carved.size() - dim;
    for (std::size_t j = i + 1; j < end; ++j) {
      const float* other = vectors.row(j);
      if (taken[j - begin] != 0 ||
          !(dot(first, other, dim) >= static_cast<double>(least) * length(first) * length(other)))
        continue;
      taken[j - begin] = 1;
      for (std::size_t d = 0; d < dim; ++d) sum[d] += other[d];
    }
  }
  return carved;
}

}  // namespace

ChamferScratch::ChamferScratch(const TokenRows& tokens) {
  const std::size_t padded = tokens.rows().padded_dim();
  const bool codes = tokens.rows().codec().is_code();
  if (codes) {
    codes_ = AlignedArray<std::int16_t>(block * padded);
    steps_.resize(block);
    offsets_.resize(block);
  }
  // One more row, for what rows of two levels are decoded with.
  if (!codes || tokens.rest() != nullptr) floats_ = AlignedFloats((block + 1) * padded);
}

ChamferVectors chamfer_vectors(const TokenRows& tokens, const Batch& vectors, std::size_t begin,
                               std::size_t end, float carving) {
  ChamferVectors made{.values = carve(vectors, begin, end, carving)};
  for (std::size_t at = 0; at < made.values.size(); at += tokens.dim())
    made.mean_product += dot(made.values.data() + at, tokens.mean().data(), tokens.dim());
  return made;
}

ChamferQuery::ChamferQuery(const TokenRows& tokens, const Batch& vectors, std::size_t begin,
                           std::size_t end, float carving, TokenLevel level)
    : tokens_(tokens),
      rows_(level == TokenLevel::full ? tokens.full() : tokens.rows()),
      codes_(rows_.codec().is_code() && &rows_ == &tokens.rows()) {
  const ChamferVectors made = chamfer_vectors(tokens, vectors, begin, end, carving);
  mean_product_ = made.mean_product;
  count_ = made.values.size() / tokens.dim();
  const std::size_t width = kernels::active().tile_queries;
  panels_ = (count_ + width - 1) / width;
  if (codes_)
    make_code_panel(made.values);
  else
    make_panel(made.values);
}

void ChamferQuery::make_panel(const std::vector<float>& vectors) {
  const std::size_t width = kernels::active().tile_queries;
  const std::size_t padded = rows_.padded_dim();
  panel_ = AlignedFloats(panels_ * padded * width);
  for (std::size_t i = 0; i < count_; ++i)
    for (std::size_t d = 0; d < tokens_.dim(); ++d)
      panel_.data()[(i / width * padded + d) * width + i % width] = vectors[i * tokens_.dim() + d];
}

void ChamferQuery::make_code_panel(const std::vector<float>& vectors) {
  const std::size_t width = kernels::active().tile_queries;
  const std::size_t padded = rows_.padded_dim();
  code_panel_ = AlignedArray<std::int16_t>(panels_ * padded * width);
  sizes_.assign(panels_ * width, 0.0F);
  sums_.assign(panels_ * width, 0.0F);
  AlignedFloats query(padded);
  AlignedArray<std::int16_t> steps(padded);
  for (std::size_t i = 0; i < count_; ++i) {
    std::copy_n(vectors.data() + i * tokens_.dim(), tokens_.dim(), query.data());
    sizes_[i] = to_steps(query.data(), padded, kernels::max_tile_sum, steps.data());
    std::int32_t sum = 0;
    std::int16_t* panel = code_panel_.data() + i / width * padded * width;
    for (std::size_t d = 0; d < padded; ++d) {
      panel[(d / 2 * width + i % width) * 2 + d % 2] = steps.data()[d];
      sum += steps.data()[d];
    }
    sums_[i] = static_cast<float>(sum);
  }
}

float ChamferQuery::score(std::size_t set, ChamferScratch& scratch,
                          std::optional<std::size_t> next) const {
  const auto [begin, end] = tokens_.extent(set);
  scratch.best_.assign(panels_ * kernels::active().tile_queries, lowest);
  for (Slot first = begin; first < end; first += static_cast<Slot>(block)) {
    const Extent rows = head({first, end});
    Extent ahead = head({rows.end, end});
    if (rows.end == end && next) ahead = head(tokens_.extent(*next));
    if (codes_)
      raise_codes(rows, scratch);
    else
      raise(rows, ahead, scratch);
  }
  double sum = mean_product_;
  for (std::size_t i = 0; i < count_; ++i)
    sum += static_cast<double>(scratch.best_[i]) * (codes_ ? static_cast<double>(sizes_[i]) : 1.0);
  constexpr auto most = static_cast<double>(std::numeric_limits<float>::max());
  return static_cast<float>(std::clamp(sum, -most, most));
}

kernels::Ahead ChamferQuery::share(Extent ahead, std::size_t panel) const {
  const std::size_t stride = rows_.row_bytes();
  const std::size_t bytes = (ahead.end - ahead.begin) * stride;
  const std::size_t from = panel * bytes / panels_;
  if (bytes == 0) return {};
  return {rows_.row(ahead.begin) + from, (panel + 1) * bytes / panels_ - from};
}

const float* ChamferQuery::float_rows(Extent extent, ChamferScratch& scratch) const {
  if (rows_.codec().is_float()) return reinterpret_cast<const float*>(rows_.row(extent.begin));
  const std::size_t padded = rows_.padded_dim();
  for (Slot row = extent.begin; row < extent.end; ++row)
    rows_.decode(row, scratch.floats_.data() + (row - extent.begin) * padded,
                 scratch.floats_.data() + block * padded);
  return scratch.floats_.data();
}

void ChamferQuery::raise(Extent rows, Extent ahead, ChamferScratch& scratch) const {
  const kernels::KernelTable& table = kernels::active();
  const std::size_t padded = rows_.padded_dim();
  kernels::MaxTile tile{.rows = float_rows(rows, scratch),
                        .row_stride = padded,
                        .row_count = rows.end - rows.begin,
                        .dim = tokens_.dim()};
  for (std::size_t p = 0; p < panels_; ++p) {
    tile.panel = panel_.data() + p * padded * table.tile_queries;
    tile.best = scratch.best_.data() + p * table.tile_queries;
    tile.ahead = share(ahead, p);
    table.raise_products(tile);
  }
}

void ChamferQuery::raise_codes(Extent extent, ChamferScratch& scratch) const {
  const kernels::KernelTable& table = kernels::active();
  const std::size_t padded = rows_.padded_dim();
  const std::size_t count = extent.end - extent.begin;
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* row = rows_.row(extent.begin + static_cast<Slot>(i));
    kernels::CodeHeader header;
    std::memcpy(&header, row, sizeof header);
    // A value is step * (2 * code + offset); the offset is left to the sums.
    scratch.steps_[i] = rows_.codec().step(row);
    scratch.offsets_[i] = static_cast<float>(header.offset);
    table.codes8.widen(reinterpret_cast<const std::uint8_t*>(row + sizeof header), padded, 0,
                       scratch.codes_.data() + i * padded);
  }
  kernels::MaxCodeTile tile{.rows = scratch.codes_.data(),
                            .row_stride = padded,
                            .row_count = count,
                            .dim = padded,
                            .steps = scratch.steps_.data(),
                            .offsets = scratch.offsets_.data()};
  for (std::size_t p = 0; p < panels_; ++p) {
    tile.panel = code_panel_.data() + p * padded * table.tile_queries;
    tile.sums = sums_.data() + p * table.tile_queries;
    tile.best = scratch.best_.data() + p * table.tile_queries;
    table.raise_code_products(tile);
  }
}

}  // namespace vecinal
