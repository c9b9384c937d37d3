#include "transform/model.hpp"

#include <algorithm>

namespace vecinal {

Model::Model(Parts parts)
    : dim_(parts.mean.size()),
      walk_dim_(parts.walk_dim),
      reduced_(parts.reduced),
      fitted_(parts.fitted),
      seed_(parts.seed),
      trained_error_(parts.trained_error),
      mean_(std::move(parts.mean)),
      data_(std::move(parts.data)),
      query_(std::move(parts.query)) {
  if (parts.rotated_dim != 0) rotation_ = Rotation(parts.rotated_dim, seed_);
}

void Model::center(float* values) const {
  for (std::size_t d = 0; d < mean_.size(); ++d) values[d] -= mean_[d];
}

void Model::uncenter(float* values) const {
  for (std::size_t d = 0; d < mean_.size(); ++d) values[d] += mean_[d];
}

void Model::project(Side side, const Vectors& centred, float* to, std::size_t padded_dim) const {
  for (std::size_t i = 0; i < centred.count; ++i) {
    float* row = to + i * padded_dim;
    if (data_.empty()) std::copy_n(centred.row(i), walk_dim_, row);
    std::fill(row + walk_dim_, row + padded_dim, 0.0F);
  }
  if (!data_.empty())
    multiply(side == Side::query && !query_.empty() ? query_ : data_, centred, to, padded_dim);
  for (std::size_t i = 0; i < centred.count; ++i) rotation_.apply(to + i * padded_dim);
}

}  // namespace vecinal
