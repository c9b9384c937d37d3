#include "multivector/cells.hpp"

#include <cmath>

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

}  // namespace

Cells::Cells(const FdeConfig& config) : config_(config) {
  const std::size_t dim = config.dim;
  const std::size_t planes = std::size_t{config.repetitions} * config.k_sim;
  if (planes != 0) planes_ = Matrix(planes, dim);
  for (std::size_t i = 0; i < planes; ++i)
    for (std::size_t d = 0; d < dim; ++d) planes_.row(i)[d] = bell(config.seed, i * dim + d);
  if (config.projected_dim != dim && config.projection == InnerProjection::sparse) {
    for (std::size_t i = 0; i < config.repetitions * dim; ++i)
      inner_places_.push_back(
          place(config.seed, Stream::inner_projection, i, config.projected_dim));
  } else if (config.projected_dim != dim) {
    // 1 / sqrt(projected_dim) keeps the expected inner product.
    const float size = 1.0F / std::sqrt(static_cast<float>(config.projected_dim));
    for (std::size_t i = 0; i < config.repetitions * dim * config.projected_dim; ++i)
      inner_signs_.push_back(size * place(config.seed, Stream::inner_projection, i, 1).sign);
  }
  if (config.final_dim != 0)
    for (std::size_t i = 0; i < config.repetitions * count() * config.projected_dim; ++i)
      final_places_.push_back(place(config.seed, Stream::final_projection, i, config.final_dim));
}

std::uint32_t Cells::cell(const float* products) const {
  std::uint32_t cell = 0;
  for (std::uint32_t i = 0; i < config_.k_sim; ++i) cell |= (products[i] > 0 ? 1U : 0U) << i;
  return cell;
}

void Cells::add_projected(std::uint32_t repetition, const float* vector, float* to) const {
  const std::size_t dim = config_.dim;
  if (config_.projected_dim == dim) {
    for (std::size_t d = 0; d < dim; ++d) to[d] += vector[d];
    return;
  }
  if (config_.projection == InnerProjection::sparse) {
    const Place* places = inner_places_.data() + repetition * dim;
    for (std::size_t d = 0; d < dim; ++d) to[places[d].at] += places[d].sign * vector[d];
    return;
  }
  const float* signs = inner_signs_.data() + repetition * dim * config_.projected_dim;
  for (std::size_t p = 0; p < config_.projected_dim; ++p)
    for (std::size_t d = 0; d < dim; ++d) to[p] += signs[p * dim + d] * vector[d];
}

}  // namespace vecinal
