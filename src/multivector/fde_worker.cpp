#include "multivector/fde_worker.hpp"

#include <algorithm>
#include <cmath>

#include "core/dot.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

constexpr std::size_t lanes = kernels::row_padding;
constexpr std::size_t chunk = 256;  ///< vectors hashed at a time

}  // namespace

FdeWorker::FdeWorker(const FdeParams& params, const Cells& cells, std::span<const float> mean)
    : params_(params),
      cells_(cells),
      mean_(mean),
      dim_(mean.size()),
      stride_(kernels::padded(dim_)),
      sums_(params.projected_dim * lanes),
      block_(cells.count() * params.projected_dim),
      sizes_(cells.count()),
      firsts_(cells.count()),
      nearest_(cells.count()) {}

void FdeWorker::reserve(std::size_t count) {
  count_ = count;
  if (room_ >= count) return;
  room_ = (count + lanes - 1) / lanes * lanes;
  vectors_ = AlignedFloats(room_ * stride_);
  if (!cells_.sparse().empty()) panels_ = AlignedFloats(room_ * dim_);
}

void FdeWorker::hash(const Batch& vectors, std::size_t begin, std::size_t end) {
  reserve(end - begin);
  for (std::size_t i = 0; i < count_; ++i)
    for (std::size_t d = 0; d < dim_; ++d)
      vectors_.data()[i * stride_ + d] = vectors.row(begin + i)[d] - mean_[d];
  if (params_.k_sim == 0) return;
  codes_.resize(count_ * params_.repetitions);
  for (std::size_t first = 0; first < count_; first += chunk)
    hash_chunk(first, std::min(chunk, count_ - first));
}

void FdeWorker::hash_chunk(std::size_t first, std::size_t count) {
  const Matrix& planes = cells_.planes();
  products_.resize(count * planes.rows());
  multiply(planes, {vectors_.data() + first * stride_, count, stride_}, products_.data(),
           planes.rows());
  for (std::size_t i = 0; i < count; ++i) {
    const float* vector = vectors_.data() + (first + i) * stride_;
    const auto length = static_cast<float>(std::sqrt(dot(vector, vector, dim_)));
    const float* products = products_.data() + i * planes.rows();
    std::uint16_t* codes = codes_.data() + (first + i) * params_.repetitions;
    for (std::uint32_t r = 0; r < params_.repetitions; ++r) {
      std::uint32_t code = 0;
      for (std::uint32_t bit = 0; bit < params_.k_sim; ++bit) {
        const std::size_t row = r * params_.k_sim + bit;
        code |= (cells_.above(row, vector, products[row], length) ? 1U : 0U) << bit;
      }
      codes[r] = static_cast<std::uint16_t>(code);
    }
  }
}

void FdeWorker::encode(const Batch& vectors, std::size_t begin, std::size_t end, FdeSide side,
                       std::span<float> to) {
  hash(vectors, begin, end);
  if (side == FdeSide::queries)
    for (std::size_t i = 0; i < count_; ++i)
      std::copy_n(vectors.row(begin + i), dim_, vectors_.data() + i * stride_);
  if (!cells_.sparse().empty()) make_panels();
  std::fill(to.begin(), to.end(), 0.0F);
  for (std::uint32_t r = 0; r < params_.repetitions; ++r) {
    project(r);
    gather(r);
    if (side == FdeSide::documents) {
      average();
      if (params_.fill_empty && count_ != 0) fill();
    }
    put(r, to);
  }
}

void FdeWorker::make_panels() {
  for (std::size_t first = 0; first < count_; first += lanes) {
    float* panel = panels_.data() + first * dim_;
    const std::size_t used = std::min(lanes, count_ - first);
    for (std::size_t d = 0; d < dim_; ++d)
      for (std::size_t lane = 0; lane < used; ++lane)
        panel[d * lanes + lane] = vectors_.data()[(first + lane) * stride_ + d];
  }
}

void FdeWorker::project(std::uint32_t repetition) {
  const std::size_t width = params_.projected_dim;
  projections_ = vectors_.data();
  projections_stride_ = stride_;
  if (cells_.sparse().empty() && cells_.dense().empty()) return;
  projected_.resize(count_ * width);
  projections_ = projected_.data();
  projections_stride_ = width;
  if (!cells_.sparse().empty())
    project_sparse(cells_.sparse()[repetition]);
  else
    multiply(cells_.dense()[repetition], {vectors_.data(), count_, stride_}, projected_.data(),
             width);
}

void FdeWorker::project_sparse(const SparseProjection& projection) {
  const std::size_t width = params_.projected_dim;
  for (std::size_t first = 0; first < count_; first += lanes) {
    kernels::active().signed_sums(
        {panels_.data() + first * dim_, projection.dims.data(), projection.ends.data(), width},
        sums_.data());
    const std::size_t used = std::min(lanes, count_ - first);
    for (std::size_t lane = 0; lane < used; ++lane)
      for (std::size_t p = 0; p < width; ++p)
        projected_[(first + lane) * width + p] = sums_.data()[p * lanes + lane];
  }
}

void FdeWorker::gather(std::uint32_t repetition) {
  const std::size_t width = params_.projected_dim;
  std::fill(block_.begin(), block_.end(), 0.0F);
  std::fill(sizes_.begin(), sizes_.end(), 0U);
  for (std::size_t i = 0; i < count_; ++i) {
    const std::uint32_t at = cell(repetition, i);
    if (sizes_[at]++ == 0) firsts_[at] = static_cast<std::uint32_t>(i);
    const float* from = projections_ + i * projections_stride_;
    float* to = block_.data() + at * width;
    for (std::size_t p = 0; p < width; ++p) to[p] += from[p];
  }
}

void FdeWorker::average() {
  const std::size_t width = params_.projected_dim;
  for (std::size_t at = 0; at < sizes_.size(); ++at)
    for (std::size_t p = 0; p < width && sizes_[at] > 1; ++p)
      block_[at * width + p] /= static_cast<float>(sizes_[at]);
}

/// Empty cells take the vector whose own cell differs in the fewest planes, the first of equals:
/// plane by plane, a cell learns what the one across the plane knows.
void FdeWorker::fill() {
  constexpr std::uint64_t across = std::uint64_t{1} << 32U;
  constexpr std::uint64_t none = 64 * across;
  for (std::size_t at = 0; at < sizes_.size(); ++at)
    nearest_[at] = sizes_[at] != 0 ? firsts_[at] : none;
  for (std::uint32_t bit = 0; bit < params_.k_sim; ++bit)
    for (std::size_t at = 0; at < sizes_.size(); ++at) {
      const std::size_t other = at ^ (std::size_t{1} << bit);
      if (other < at) continue;
      const std::uint64_t here = nearest_[at];
      nearest_[at] = std::min(here, nearest_[other] + across);
      nearest_[other] = std::min(nearest_[other], here + across);
    }
  const std::size_t width = params_.projected_dim;
  for (std::size_t at = 0; at < sizes_.size(); ++at)
    if (sizes_[at] == 0)
      std::copy_n(projections_ + (nearest_[at] % across) * projections_stride_, width,
                  block_.data() + at * width);
}

/// The block at its place, or folded into the final sketch.
void FdeWorker::put(std::uint32_t repetition, std::span<float> to) const {
  const std::vector<Place>& places = cells_.final_places();
  if (places.empty()) {
    std::copy(block_.begin(), block_.end(), to.data() + repetition * block_.size());
    return;
  }
  const Place* own = places.data() + repetition * block_.size();
  for (std::size_t i = 0; i < block_.size(); ++i) to[own[i].at] += own[i].sign * block_[i];
}

}  // namespace vecinal
