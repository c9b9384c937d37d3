/// The first section of an index file: what the index is.
#pragma once

#include <cstdint>

#include "core/section_file.hpp"
#include "transform/model.hpp"
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
  std::uint32_t beam;
  std::uint32_t rerank;
  std::int64_t next_id;
  std::uint32_t levels;
  float max_norm;
  std::uint8_t reduction;
  std::uint8_t quantizer;
  std::uint8_t keep;
  std::uint8_t trained;  ///< there is a model; 0 for what needs no training
  std::uint32_t reduced_dim;

  [[nodiscard]] Config config() const {
    return {.dim = dim,
            .metric = static_cast<Metric>(metric),
            .encoding = static_cast<Encoding>(encoding),
            .reduction = static_cast<Reduction>(reduction),
            .reduced_dim = reduced_dim,
            .quantizer = static_cast<Quantizer>(quantizer),
            .keep = static_cast<Keep>(keep),
            .graph = static_cast<GraphKind>(graph),
            .degree = degree,
            .build_beam = build_beam,
            .order = static_cast<InsertionOrder>(order),
            .seed = seed};
  }
};
static_assert(sizeof(ConfigSection) == 72);

/// What train() learned, before the arrays of the same; and what became of the rows added since.
struct ModelSection {
  std::uint32_t walk_dim;
  std::uint8_t rotated;
  std::uint8_t fitted;
  std::uint8_t reserved[2];
  std::uint64_t seed;
  double trained_error;
  double squared_error;
  double squared_norm;
  std::uint64_t values;
  std::uint64_t clipped;
};
static_assert(sizeof(ModelSection) == 56);

/// The model and how many sections it takes. Throws FormatError.
[[nodiscard]] Model read_model(const SectionReader& reader, const Config& config,
                               std::size_t& sections);

/// Throws FormatError if a value is out of range.
[[nodiscard]] ConfigSection read_config(const SectionReader& reader);

}  // namespace vecinal
