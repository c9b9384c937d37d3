#include "index/geometry.hpp"

namespace vecinal {

Geometry geometry_of(const Config& config) {
  const float alpha = config.layout == Layout::fused ? 1.05F : 1.0F;
  switch (config.metric) {
    case Metric::l2:
      return {.alpha = alpha, .shift = 0.0F};
    case Metric::cosine:
      return {.alpha = alpha, .shift = 1.0F};
    case Metric::inner_product:
    case Metric::chamfer:
      break;
  }
  return {.alpha = 1.0F, .shift = 0.0F};
}

}  // namespace vecinal
