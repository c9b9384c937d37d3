/// The first section of an index file: what the index is.
#pragma once

#include <cstdint>

#include "core/section_file.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

struct ConfigSection {
  std::uint32_t dim;
  std::uint8_t metric;
  std::uint8_t encoding;
  std::uint8_t graph;
  std::uint8_t order;
  std::uint32_t degree;
  std::uint32_t build_beam;
  std::uint64_t seed;
  std::uint64_t slots;  ///< rows, removed ones included
  std::uint64_t live;   ///< items
  std::uint64_t beam;
  std::int64_t next_id;
  std::uint32_t levels;
  float max_norm;
  std::uint8_t reserved[8];

  [[nodiscard]] Config config() const {
    return {.dim = dim,
            .metric = static_cast<Metric>(metric),
            .encoding = static_cast<Encoding>(encoding),
            .graph = static_cast<GraphKind>(graph),
            .degree = degree,
            .build_beam = build_beam,
            .order = static_cast<InsertionOrder>(order),
            .seed = seed};
  }
};
static_assert(sizeof(ConfigSection) == 72);

/// Throws FormatError if a value is out of range.
[[nodiscard]] ConfigSection read_config(const SectionReader& reader);

}  // namespace vecinal
