#include "multivector/fde_worker.hpp"

#include <algorithm>

#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

using kernels::set_lanes;

/// Repetitions whose sums, and as many first vectors of cells, stay in the second cache.
std::uint32_t cached_repetitions(const FdeParams& params) {
  constexpr std::size_t most_values = 16384;
  const std::size_t values = (std::size_t{1} << params.k_sim) * params.projected_dim;
  const std::size_t fit = std::max<std::size_t>(1, most_values / values);
  return static_cast<std::uint32_t>(std::min<std::size_t>(fit, params.repetitions));
}

}  // namespace

FdeWorker::FdeWorker(const FdeParams& params, const Cells& cells, std::span<const float> mean)
    : params_(params),
      cells_(cells),
      at_once_(cached_repetitions(params)),
      panel_(params, cells, mean),
      sums_(params, at_once_),
      values_stride_(kernels::padded(params.projected_dim)) {
  if (!cells.final_places().empty())
    block_ = AlignedFloats(at_once_ * cells.count() * params.projected_dim);
  projected_ = AlignedFloats(set_lanes * values_stride_);
  if (!cells.sparse().empty())
    sketch_ = AlignedFloats(set_lanes * values_stride_);
  else
    rows_ = AlignedFloats(set_lanes * panel_.stride());
}

void FdeWorker::hash(const Batch& vectors, std::size_t begin, std::size_t end, std::uint16_t* to) {
  const std::uint32_t repetitions = params_.repetitions;
  for (std::size_t first = begin; first < end; first += set_lanes) {
    panel_.load(vectors, first, std::min(set_lanes, end - first), VectorPanel::Values::centred);
    panel_.find_cells(0, repetitions);
    for (std::size_t i = 0; i < panel_.count(); ++i)
      for (std::uint32_t r = 0; r < repetitions; ++r)
        *to++ = static_cast<std::uint16_t>(panel_.cells(r)[i]);
  }
}

bool FdeWorker::encode(const Batch& vectors, std::size_t begin, std::size_t end, FdeSide side,
                       std::span<float> to) {
  const bool queries = side == FdeSide::queries;
  const auto values = queries ? VectorPanel::Values::as_they_are : VectorPanel::Values::centred;
  bool sound = true;
  const bool sketched = !cells_.final_places().empty();
  if (sketched) std::fill(to.begin(), to.end(), 0.0F);
  const std::size_t size = cells_.count() * params_.projected_dim;  // of a repetition
  for (std::uint32_t first = 0; first < params_.repetitions; first += at_once_) {
    const Repetitions some{first, std::min(first + at_once_, params_.repetitions)};
    sums_.begin(some.end - some.begin, !queries,
                sketched ? block_.data() : to.data() + first * size);
    for (std::size_t i = begin; i < end; i += set_lanes) {
      sound = panel_.load(vectors, i, std::min(set_lanes, end - i), values) && sound;
      add_panel(some);
    }
    sums_.finish();
    if (sketched) fold(some, to);
  }
  return sound;
}

void FdeWorker::add_panel(Repetitions repetitions) {
  panel_.find_cells(repetitions.begin, repetitions.end);
  if (cells_.sparse().empty())
    kernels::active().transpose(
        {panel_.values(), set_lanes, panel_.stride(), set_lanes, rows_.data(), panel_.stride()});
  for (std::uint32_t r = repetitions.begin; r < repetitions.end; ++r) {
    project(r);
    panel_.fetch_ahead(r - repetitions.begin, repetitions.end - repetitions.begin);
    sums_.add(r - repetitions.begin, panel_.cells(r), values_, values_stride_, panel_.count());
  }
}

void FdeWorker::project(std::uint32_t repetition) {
  values_ = projected_.data();
  if (!cells_.sparse().empty()) {
    const SparseProjection& projection = cells_.sparse()[repetition];
    kernels::active().signed_sums({panel_.values(), panel_.count(), projection.dims.data(),
                                   projection.ends.data(), params_.projected_dim},
                                  sketch_.data());
    kernels::active().transpose({sketch_.data(), set_lanes, values_stride_,
                                 (panel_.count() + 7) / 8 * 8, projected_.data(), values_stride_});
  } else if (!cells_.dense().empty()) {
    // Always as many vectors: products of few are summed in another order.
    multiply(cells_.dense()[repetition], {rows_.data(), set_lanes, panel_.stride()},
             projected_.data(), values_stride_);
  } else {
    values_ = rows_.data();
  }
}

/// Sums at the places that the final sketch has for them.
void FdeWorker::fold(Repetitions repetitions, std::span<float> to) const {
  const std::size_t values = cells_.count() * params_.projected_dim;
  const Place* own = cells_.final_places().data() + repetitions.begin * values;
  const std::size_t count = (repetitions.end - repetitions.begin) * values;
  for (std::size_t i = 0; i < count; ++i) to[own[i].at] += own[i].sign * block_.data()[i];
}

}  // namespace vecinal
