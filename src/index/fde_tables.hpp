/// What an FDE encoder has drawn, laid out for a backend.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/device_sets.hpp"
#include "vecinal/fde.hpp"

namespace vecinal {

class FdeTableArrays {
 public:
  /// Draws what the encoder's seed draws; takes its mean.
  explicit FdeTableArrays(const FdeEncoder& encoder);

  /// A view, valid while this lives.
  [[nodiscard]] FdeTables view() const;

 private:
  FdeConfig config_;
  std::vector<float> mean_;
  std::vector<float> planes_;
  std::vector<float> rounding_;
  std::vector<std::uint32_t> sparse_dims_;
  std::vector<std::uint32_t> sparse_ends_;
  std::vector<float> dense_;
  std::vector<std::uint32_t> final_places_;
  std::vector<float> final_signs_;
};

}  // namespace vecinal
