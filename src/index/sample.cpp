#include "index/sample.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/rows.hpp"
#include "transform/prepare.hpp"

namespace vecinal {
namespace {

constexpr float outlier = 1000.0F;  ///< times the median length

}  // namespace

Sample::Sample(const Config& config, const Batch& batch, std::size_t limit)
    : stride_(kernels::padded_codes(config.dim)) {
  const std::size_t count = std::min(batch.count, limit);
  values_ = AlignedFloats(count * stride_);
  for (std::size_t i = 0; i < count; ++i) {
    float* row = values_.data() + i * stride_;
    norms_.push_back(
        prepare_row(config.metric, batch.row(i * batch.count / count), config.dim, row).norm);
  }
}

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
  std::vector<double> sums(dim, 0.0);
  for (std::size_t i = 0; i < count(); ++i)
    for (std::size_t d = 0; d < dim; ++d) sums[d] += static_cast<double>(row(i)[d]);
  std::vector<float> mean(dim, 0.0F);
  for (std::size_t d = 0; d < dim && count() != 0; ++d)
    mean[d] = static_cast<float>(sums[d] / static_cast<double>(count()));
  return mean;
}

void Sample::center(const std::vector<float>& mean) {
  for (std::size_t i = 0; i < count(); ++i)
    for (std::size_t d = 0; d < mean.size(); ++d) row(i)[d] -= mean[d];
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
