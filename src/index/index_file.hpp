/// The first section of an index file: what the index is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "core/progress.hpp"
#include "core/section_file.hpp"
#include "encoding/storage.hpp"
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
  std::uint8_t layout;
  std::uint8_t reserved[3];
  float gamma;

  [[nodiscard]] Config config() const {
    return {.dim = dim,
            .metric = static_cast<Metric>(metric),
            .encoding = static_cast<Encoding>(encoding),
            .reduction = static_cast<Reduction>(reduction),
            .reduced_dim = reduced_dim,
            .quantizer = static_cast<Quantizer>(quantizer),
            .keep = static_cast<Keep>(keep),
            .layout = static_cast<Layout>(layout),
            .graph = static_cast<GraphKind>(graph),
            .degree = degree,
            .build_beam = build_beam,
            .order = static_cast<InsertionOrder>(order),
            .seed = seed};
  }
};
static_assert(sizeof(ConfigSection) == 80);

/// What train() learned, before the arrays of the same; and what became of the rows added since.
struct ModelSection {
  std::uint32_t walk_dim;
  std::uint8_t rotated;  ///< 0 not, 1 all of a padded row, 2 whole groups of signs
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

/// What a file of a MultiVectorIndex says besides; "config" is then that of its encodings.
struct SetsSection {
  std::uint32_t dim;
  std::uint32_t k_sim;
  std::uint32_t projected_dim;  ///< as configured: 0 = chosen
  std::uint32_t repetitions;
  std::uint32_t final_dim;
  std::uint8_t projection;
  std::uint8_t fill_empty;
  std::uint8_t tokens;
  std::uint8_t pooling;
  std::uint32_t candidates;
  std::uint8_t trained;
  std::uint8_t reserved8[3];
  std::uint64_t vectors;
  double mean_cosine;
  double occupancy;
  float longest;
  std::uint32_t reserved;

  /// encodings: the config of the section of that name.
  [[nodiscard]] Config config(const Config& encodings) const;
};
static_assert(sizeof(SetsSection) == 64);

/// The log that goes on where the file ends (core/log_file.hpp).
struct LogSection {
  std::uint64_t id;
  std::uint64_t sequence;  ///< the last record whose change the file has
};
static_assert(sizeof(LogSection) == 16);

/// None in the file of an index that has no log. Throws FormatError.
[[nodiscard]] std::optional<LogSection> read_log_section(const SectionReader& reader);

/// True if the file is of a MultiVectorIndex.
[[nodiscard]] bool has_sets(const SectionReader& reader);

/// Throws FormatError if a value is out of range or does not go with the config of the encodings.
[[nodiscard]] SetsSection read_sets(const SectionReader& reader, const Config& encodings);

/// A file on its way to an index.
struct Loading {
  const SectionReader& reader;
  const LoadOptions& options;
  int file = -1;  ///< to map large sections from; -1: all are copied
  Stretch watch = {};

  /// A config from the file with what files do not keep.
  [[nodiscard]] Config complete(Config config) const {
    config.threads = options.threads;
    config.device = options.device;
    config.memory_limit = options.memory_limit;
    return config;
  }
};

/// Rows must be finite and no longer than the file says, and what follows the dims zero. Throws
/// FormatError naming the section.
void validate_storage(const char* tag, const Storage& storage, double longest,
                      const Stretch& watch);

/// Replaces the file, watched by a meter of its bytes.
void save_sections(const SectionWriter& sections, const std::filesystem::path& file,
                   ProgressMeter& meter);
[[nodiscard]] std::vector<std::byte> bytes_of(const SectionWriter& sections,
                                              const Stretch& watch = {});

/// The model and how many sections it takes. Throws FormatError.
[[nodiscard]] Model read_model(const SectionReader& reader, const Config& config,
                               std::size_t& sections);

/// Throws FormatError if a value is out of range.
[[nodiscard]] ConfigSection read_config(const SectionReader& reader);

}  // namespace vecinal
