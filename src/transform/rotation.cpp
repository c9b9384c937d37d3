#include "transform/rotation.hpp"

#include <bit>

#include "core/random.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

/// One transform of random signs spreads what lies on few values; the second makes what it leaves
/// of like size. Where blocks overlap, each half of the vector needs its own.
std::size_t rounds_of(std::size_t dim) { return std::has_single_bit(dim) ? 2 : 4; }

}  // namespace

Rotation::Rotation(std::size_t dim, std::uint64_t seed)
    : dim_(dim), block_(std::bit_floor(dim)), rounds_(rounds_of(dim)), signs_(rounds_ * dim) {
  for (std::size_t i = 0; i < signs_.size(); ++i)
    signs_[i] = (random_bits(seed, Stream::signs, i) & 1U) != 0 ? 1.0F : -1.0F;
}

void Rotation::flip(std::size_t round, float* values) const {
  const float* signs = signs_.data() + round * dim_;
  for (std::size_t d = 0; d < dim_; ++d) values[d] *= signs[d];
}

void Rotation::apply(float* values) const {
  if (identity()) return;
  for (std::size_t round = 0; round < rounds_; ++round) {
    flip(round, values);
    kernels::active().hadamard(round % 2 == 0 ? values : values + dim_ - block_, block_);
  }
}

void Rotation::undo(float* values) const {
  if (identity()) return;
  for (std::size_t round = rounds_; round-- > 0;) {
    kernels::active().hadamard(round % 2 == 0 ? values : values + dim_ - block_, block_);
    flip(round, values);
  }
}

}  // namespace vecinal
