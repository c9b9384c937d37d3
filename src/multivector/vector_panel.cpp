#include "multivector/vector_panel.hpp"

#include <algorithm>
#include <bit>

#include "core/cache_lines.hpp"
#include "core/dot.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

using kernels::set_lanes;

constexpr std::size_t eighths(std::size_t count) { return (count + 7) / 8 * 8; }

}  // namespace

VectorPanel::VectorPanel(const FdeParams& params, const Cells& cells, std::span<const float> mean)
    : params_(params),
      cells_(cells),
      mean_(mean.begin(), mean.end()),
      dim_(mean.size()),
      stride_(kernels::padded(dim_)),
      rows_(set_lanes * stride_),
      values_(set_lanes * stride_),
      centred_(set_lanes * stride_),
      steps_(set_lanes * stride_),
      found_(params.repetitions * set_lanes),
      doubts_(std::size_t{params.repetitions} * params.k_sim),
      doubtful_(dim_) {
  mean_.resize(stride_);
  usual_mean_ = dot(mean_.data(), mean_.data(), dim_) <= kernels::most_usual_square;
}

bool VectorPanel::load(const Batch& vectors, std::size_t first, std::size_t count, Values values) {
  vectors_ = vectors;
  first_ = first;
  count_ = count;
  const float* rows = vectors.row(first);
  std::size_t rows_stride = vectors.stride == 0 ? dim_ : vectors.stride;
  if (dim_ % 8 != 0 || count % 8 != 0) {  // there is nothing behind the last one to be read
    for (std::size_t i = 0; i < count; ++i)
      std::copy_n(vectors.row(first + i), dim_, rows_.data() + i * stride_);
    rows = rows_.data();
    rows_stride = stride_;
  }
  const kernels::KernelTable& kernel = kernels::active();
  kernel.transpose({rows, rows_stride, eighths(count), eighths(dim_), values_.data(), set_lanes});
  float* centred = values == Values::centred ? values_.data() : centred_.data();
  return kernel.panel_steps({values_.data(), mean_.data(), stride_, count, Cells::step_length,
                             centred, steps_.data()}) &&
         usual_mean_;
}

void VectorPanel::fetch_ahead(std::uint32_t part, std::uint32_t parts) const {
  const std::size_t next = first_ + count_;
  const std::size_t count = std::min(set_lanes, vectors_.count - next);
  const std::size_t stride = vectors_.stride == 0 ? dim_ : vectors_.stride;
  const std::size_t share = whole_lines(count * stride * sizeof(float) / parts);
  prefetch_lines(reinterpret_cast<const char*>(vectors_.row(next)) + part * share, share);
}

void VectorPanel::find_cells(std::uint32_t begin, std::uint32_t end) {
  if (params_.k_sim == 0) return;  // all found_ are the one there is
  const std::size_t first = std::size_t{begin} * params_.k_sim;
  const std::size_t last = std::size_t{end} * params_.k_sim;
  kernels::active().find_cells(
      {cells_.steps() + first * cells_.planes().stride(), cells_.planes().stride(), stride_,
       end - begin, params_.k_sim, steps_.data(), count_, cells_.doubt()},
      found_.data() + begin * set_lanes, doubts_.data() + first);
  const std::uint32_t used = ~0U >> (set_lanes - count_);
  for (std::size_t plane = first; plane < last; ++plane)
    if ((doubts_[plane] & used) != 0) settle(plane, doubts_[plane] & used);
}

/// Takes products that may have the other sign again.
void VectorPanel::settle(std::size_t plane, std::uint32_t doubts) {
  const std::int32_t bit = 1 << plane % params_.k_sim;
  std::int32_t* found = found_.data() + plane / params_.k_sim * set_lanes;
  for (; doubts != 0; doubts &= doubts - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(doubts));
    const float* vector = vectors_.row(first_ + lane);
    for (std::size_t d = 0; d < dim_; ++d) doubtful_[d] = vector[d] - mean_[d];
    found[lane] = cells_.above(plane, doubtful_.data()) ? found[lane] | bit : found[lane] & ~bit;
  }
}

}  // namespace vecinal
