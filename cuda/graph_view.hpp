/// Levels of links in device memory: graph/layer.hpp.
#pragma once

#include <cstdint>

namespace vecinal::cuda {

inline constexpr unsigned max_levels = 16;

struct LayerView {
  const std::uint32_t* links = nullptr;
  const std::uint32_t* slots = nullptr;  ///< null on level 0
  const std::uint32_t* down = nullptr;   ///< null on level 0
  std::uint32_t degree = 0;
  std::uint32_t count = 0;
};

struct GraphView {
  LayerView layers[max_levels];
  std::uint32_t levels = 0;
  std::uint32_t entry = 0;
};

}  // namespace vecinal::cuda
