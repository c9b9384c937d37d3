#include "index/fde_tables.hpp"

#include "multivector/cells.hpp"
#include "transform/prepare.hpp"

namespace vecinal {
namespace {

/// Without the padding of its rows.
void append(std::vector<float>& to, const Matrix& matrix) {
  for (std::size_t r = 0; r < matrix.rows(); ++r)
    to.insert(to.end(), matrix.row(r), matrix.row(r) + matrix.cols());
}

}  // namespace

FdeTableArrays::FdeTableArrays(const FdeEncoder& encoder)
    : config_(encoder.config()), mean_(encoder.mean().begin(), encoder.mean().end()) {
  const Cells cells(config_);
  append(planes_, cells.planes());
  rounding_.assign(cells.rounding().begin(), cells.rounding().end());
  for (const SparseProjection& projection : cells.sparse()) {
    const auto before = static_cast<std::uint32_t>(sparse_dims_.size());
    sparse_dims_.insert(sparse_dims_.end(), projection.dims.begin(), projection.dims.end());
    for (const std::uint32_t end : projection.ends) sparse_ends_.push_back(before + end);
  }
  for (const Matrix& projection : cells.dense()) append(dense_, projection);
  for (const Place& place : cells.final_places()) {
    final_places_.push_back(place.at);
    final_signs_.push_back(place.sign);
  }
}

FdeTables FdeTableArrays::view() const {
  const FdeParams& params = config_.params;
  return {.dim = config_.dim,
          .repetitions = params.repetitions,
          .k_sim = params.k_sim,
          .projected_dim = params.projected_dim,
          .fill_empty = params.fill_empty,
          .max_squared_norm = max_squared_norm,
          .mean = mean_,
          .planes = planes_,
          .rounding = rounding_,
          .sparse_dims = sparse_dims_,
          .sparse_ends = sparse_ends_,
          .dense = dense_,
          .final_dim = params.final_dim,
          .final_places = final_places_,
          .final_signs = final_signs_};
}

}  // namespace vecinal
