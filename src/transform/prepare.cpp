#include "transform/prepare.hpp"

#include <cmath>
#include <cstring>

#include "core/dot.hpp"

namespace vecinal {
namespace {

RowFault fault_of(Metric metric, double squared) {
  // Squares of finite floats and their sum are finite in double, so a sum that is not finite says
  // it all.
  if (!std::isfinite(squared)) return RowFault::not_finite;
  if (metric == Metric::cosine) return squared == 0 ? RowFault::zero : RowFault::none;
  return squared > max_squared_norm ? RowFault::too_long : RowFault::none;
}

}  // namespace

RowFault fault_of(Metric metric, const float* vector, std::size_t dim) {
  return fault_of(metric, dot(vector, vector, dim));
}

Prepared prepare_row(Metric metric, const float* from, std::size_t dim, float* to) {
  const double squared = dot(from, from, dim);
  if (const RowFault fault = fault_of(metric, squared); fault != RowFault::none) return {fault, 0};
  if (metric != Metric::cosine) {
    std::memcpy(to, from, dim * sizeof(float));
    return {RowFault::none, static_cast<float>(std::sqrt(squared))};
  }
  const double scale = 1.0 / std::sqrt(squared);
  for (std::size_t i = 0; i < dim; ++i)
    to[i] = static_cast<float>(static_cast<double>(from[i]) * scale);
  return {RowFault::none, 1.0F};
}

const char* describe(RowFault fault) {
  switch (fault) {
    case RowFault::not_finite:
      return "has a value that is not finite";
    case RowFault::zero:
      return "is zero, and cosine is not defined for it";
    case RowFault::too_long:
      return "is too long: its squared norm exceeds 8.5e37, the range of float32 distances";
    case RowFault::none:
      break;
  }
  return "is sound";
}

}  // namespace vecinal
