/// Batches of sets: checked, and kept in memory of their own.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "vecinal/batch.hpp"

namespace vecinal {

enum class EmptySets : bool { refused, allowed };

/// Throws std::invalid_argument naming the set, and the vector in it, that cannot be used: another
/// dim, offsets that are not ascending from 0 to the number of vectors, a value that is not finite,
/// a vector too long, an empty set. `what` starts the message; threads: as configured.
struct SetRules {
  std::size_t dim = 0;
  EmptySets empty = EmptySets::refused;
  unsigned threads = 0;
};
void validate_sets(const Batch& sets, const SetRules& rules, const char* what);

/// Throws std::invalid_argument for a vector, by its number in the batch: "what: vector 3 of set 2
/// why".
[[noreturn]] void refuse_vector(const Batch& sets, std::size_t vector, std::string_view why,
                                const char* what);

/// The same but for the vectors' values.
void validate_layout(const Batch& sets, const SetRules& rules, const char* what);

/// Throws std::invalid_argument unless there is room for just the encodings of the sets.
void validate_room(std::size_t values, const Batch& sets, std::size_t encoded_dim);

/// Where sets begin and end: their offsets, which are made where each vector is a set of its own.
[[nodiscard]] std::span<const std::size_t> offsets_of(const Batch& sets,
                                                      std::vector<std::size_t>& made);

/// Sets that own their vectors.
struct OwnedSets {
  std::size_t dim = 0;
  std::vector<float> values;
  std::vector<std::size_t> offsets = {0};

  /// A view, valid while this lives.
  [[nodiscard]] Batch batch() const {
    return {.data = values.data(),
            .count = offsets.back(),
            .dim = dim,
            .stride = 0,
            .offsets = offsets};
  }
};

/// At most `limit` whole sets, evenly spread over the batch: the batch itself, or copies in `held`.
[[nodiscard]] Batch sample_sets(const Batch& sets, std::size_t limit, OwnedSets& held);

/// Sets first, first + 1, ... of a batch. offsets: scratch that the result views.
[[nodiscard]] Batch slice(const Batch& sets, std::size_t first, std::size_t count,
                          std::vector<std::size_t>& offsets);

}  // namespace vecinal
