#include "index/sample.hpp"

#include <algorithm>
#include <cmath>

#include "core/block_sums.hpp"
#include "kernels/rows.hpp"
#include "transform/prepare.hpp"

namespace vecinal {
namespace {

constexpr float outlier = 1000.0F;  ///< times the median length

}  // namespace

Sample::Sample(const Config& config, const Batch& batch, std::size_t limit, unsigned threads)
    : stride_(kernels::padded_codes(config.dim)),
      threads_(threads),
      norms_(std::min(batch.count, limit)) {
  values_ = AlignedFloats::unset(count() * stride_);
  parallel_for(by_rows(), [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t i = begin; i < end; ++i) {
      norms_[i] =
          prepare_row(config.metric, batch.row(i * batch.count / count()), config.dim, row(i)).norm;
      std::fill(row(i) + config.dim, row(i) + stride_, 0.0F);
    }
  });
}

Loop Sample::by_rows() const { return {.count = count(), .grain = 256, .threads = threads_}; }

void Sample::drop_outliers() {
  if (norms_.empty()) return;
  std::vector<float> sorted = norms_;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count() / 2),
                   sorted.end());
  const float limit = outlier * sorted[count() / 2];
  std::size_t kept = 0;
  for (std::size_t i = 0; i < norms_.size(); ++i) {
    if (limit > 0 && norms_[i] > limit) continue;
    if (kept != i) std::copy_n(row(i), stride_, row(kept));
    norms_[kept++] = norms_[i];
  }
  norms_.resize(kept);
}

std::vector<float> Sample::mean(std::size_t dim) {
  std::vector<float> mean(dim, 0.0F);
  if (count() == 0) return mean;
  const std::vector<double> sums =
      block_sums(count(), dim, threads_, [&](std::size_t i, double* to) {
        for (std::size_t d = 0; d < dim; ++d) to[d] += static_cast<double>(row(i)[d]);
      });
  for (std::size_t d = 0; d < dim; ++d)
    mean[d] = static_cast<float>(sums[d] / static_cast<double>(count()));
  return mean;
}

void Sample::center(std::span<const float> mean) {
  parallel_for(by_rows(), [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t d = 0; d < mean.size(); ++d) row(i)[d] -= mean[d];
  });
}

float Sample::normalise() {
  float largest = 0;
  for (std::size_t i = 0; i < count() * stride_; ++i)
    largest = std::max(largest, std::fabs(values_.data()[i]));
  constexpr int most = 120;  // powers that are normal floats, as their inverses are
  const int exponent = largest > 0 ? std::clamp(std::ilogb(largest), -most, most) : 0;
  const float factor = std::ldexp(1.0F, -exponent);
  scale(factor);
  return factor;
}

void Sample::scale(float factor) {
  for (std::size_t i = 0; i < count() * stride_; ++i) values_.data()[i] *= factor;
}

}  // namespace vecinal
