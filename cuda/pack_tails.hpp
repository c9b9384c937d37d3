/// Launcher of pack_tails.cu.
#pragma once

#include "backend/device_fused.hpp"
#include "sign_tails.hpp"

namespace vecinal::cuda {

/// Tails as the host has them, in device memory.
struct StagedTails {
  const unsigned char* data = nullptr;
  std::size_t pitch = 0;  ///< a multiple of 4
  unsigned count = 0;
  TailFormat format;
  const std::uint32_t* places = nullptr;  ///< where they go, null for one behind another
};

/// weight: of the rows, by which the host has multiplied the factors' unit.
void pack_tails(const StagedTails& from, const TailShape& shape, float weight, unsigned char* to,
                Stream stream);

}  // namespace vecinal::cuda
