#include "multivector/cells.hpp"

#include <algorithm>
#include <cmath>

#include "core/dot.hpp"
#include "core/random.hpp"

namespace vecinal {
namespace {

/// Nearly Gaussian by adding uniforms, which, unlike logarithms and cosines, are the same to the
/// last bit everywhere.
float bell(std::uint64_t seed, std::uint64_t counter) {
  constexpr std::uint64_t terms = 3;
  double sum = 0;
  for (std::uint64_t i = 0; i < terms; ++i) {
    const std::uint64_t bits = random_bits(seed, Stream::planes, terms * counter + i);
    sum += static_cast<double>(bits >> 32U) + static_cast<double>(bits & 0xFFFFFFFFU);
  }
  return static_cast<float>(sum * 0x1p-32 - static_cast<double>(terms));
}

/// A place among `count`, without the bias of a remainder.
Place place(std::uint64_t seed, Stream stream, std::uint64_t counter, std::uint64_t count) {
  const std::uint64_t bits = random_bits(seed, stream, counter);
  return {static_cast<std::uint32_t>(((bits >> 32U) * count) >> 32U),
          (bits & 1U) != 0 ? 1.0F : -1.0F};
}

SparseProjection draw_sparse(const FdeConfig& config, std::uint32_t repetition) {
  const std::size_t dim = config.dim;
  std::vector<std::vector<std::uint32_t>> groups(2 * config.params.projected_dim);
  for (std::uint32_t d = 0; d < dim; ++d) {
    const Place drawn = place(config.seed, Stream::inner_projection, repetition * dim + d,
                              config.params.projected_dim);
    groups[2 * drawn.at + (drawn.sign < 0 ? 1 : 0)].push_back(d);
  }
  SparseProjection projection;
  for (const auto& group : groups) {
    projection.dims.insert(projection.dims.end(), group.begin(), group.end());
    projection.ends.push_back(static_cast<std::uint32_t>(projection.dims.size()));
  }
  return projection;
}

Matrix draw_dense(const FdeConfig& config, std::uint32_t repetition) {
  const std::size_t width = config.params.projected_dim;
  // 1 / sqrt(projected_dim) keeps the expected inner product.
  const float size = 1.0F / std::sqrt(static_cast<float>(width));
  Matrix signs(width, config.dim);
  const std::uint64_t first = repetition * width * config.dim;
  for (std::size_t p = 0; p < width; ++p)
    for (std::size_t d = 0; d < config.dim; ++d)
      signs.row(p)[d] =
          size * place(config.seed, Stream::inner_projection, first + p * config.dim + d, 1).sign;
  return signs;
}

}  // namespace

Cells::Cells(const FdeConfig& config) : config_(config) {
  draw_planes();
  draw_projections();
}

void Cells::draw_planes() {
  const std::size_t dim = config_.dim;
  const std::size_t count = std::size_t{config_.params.repetitions} * config_.params.k_sim;
  if (count == 0) return;
  planes_ = Matrix(count, dim);
  double longest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t d = 0; d < dim; ++d) planes_.row(i)[d] = bell(config_.seed, i * dim + d);
    const double length = std::sqrt(dot(planes_.row(i), planes_.row(i), dim));
    rounding_.push_back(static_cast<float>((static_cast<double>(dim) + 8) * 0x1p-23 * length));
    longest = std::max(longest, length);
  }
  step_planes(longest);
}

/// A vector y of length L becomes steps v, a plane p of length up to P the steps q, and
///
///   <p, y> = <q, v> + <q, y - v> + <p - q, y>,
///
/// so <q, v> is off by at most |q| |y - v| + |p - q| |y|. Each value of y - v is 1/2 at most.
void Cells::step_planes(double longest) {
  constexpr double plane_length = 65000;  // with rounding, times that of vectors: below 2^31
  constexpr double most_step = 32767;
  const auto dim = static_cast<double>(config_.dim);
  double greatest = 0;
  for (const float value : planes_.values())
    greatest = std::max(greatest, std::fabs(static_cast<double>(value)));
  const double scale = std::min(plane_length / longest, most_step / greatest);
  steps_.resize(planes_.values().size());
  double doubt = 0;
  for (std::size_t i = 0; i < planes_.rows(); ++i) {
    double squares = 0;
    for (std::size_t d = 0; d < config_.dim; ++d) {
      const double exact = scale * static_cast<double>(planes_.row(i)[d]);
      const double step = std::round(exact);
      steps_[i * planes_.stride() + d] = static_cast<std::int16_t>(step);
      squares += (step - exact) * (step - exact);
    }
    const double most = (plane_length + std::sqrt(dim)) * std::sqrt(dim) / 2;
    doubt = std::max(doubt, most + std::sqrt(squares) * static_cast<double>(step_length));
  }
  // What float32 adds: the length that is taken of a vector, and products with its reciprocal.
  constexpr double slack = 4096;
  doubt_ = static_cast<std::int32_t>(doubt * 1.01 + slack);
}

void Cells::draw_projections() {
  const FdeParams& params = config_.params;
  if (params.projected_dim != config_.dim)
    for (std::uint32_t r = 0; r < params.repetitions; ++r) {
      if (params.projection == InnerProjection::sparse)
        sparse_.push_back(draw_sparse(config_, r));
      else
        dense_.push_back(draw_dense(config_, r));
    }
  if (params.final_dim == 0) return;
  const std::size_t values = params.repetitions * count() * params.projected_dim;
  for (std::size_t i = 0; i < values; ++i)
    final_places_.push_back(place(config_.seed, Stream::final_projection, i, params.final_dim));
}

bool Cells::above(std::size_t row, const float* vector) const {
  return dot(planes_.row(row), vector, config_.dim) > 0;
}

}  // namespace vecinal
