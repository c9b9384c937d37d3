/// Checks of batches of sets that callers give.
#pragma once

#include <vector>

#include "vecinal/batch.hpp"

namespace vecinal {

enum class EmptySets : bool { refused, allowed };

/// Throws std::invalid_argument naming the set, and the vector in it, that cannot be used: another
/// dim, offsets that are not ascending from 0 to the number of vectors, a value that is not finite,
/// a vector too long, an empty set. `what` starts the message.
void validate_sets(const Batch& sets, std::size_t dim, EmptySets empty, const char* what);

/// At most `limit` whole sets, evenly spread over the batch, as a batch of its own.
class SetSample {
 public:
  SetSample(const Batch& sets, std::size_t limit);

  [[nodiscard]] Batch batch() const {
    return {.data = values_.data(),
            .count = offsets_.back(),
            .dim = dim_,
            .stride = 0,
            .offsets = offsets_};
  }

 private:
  std::size_t dim_;
  std::vector<float> values_;
  std::vector<std::size_t> offsets_;
};

/// Sets first, first + 1, ... of a batch. offsets: scratch that the result views.
[[nodiscard]] Batch slice(const Batch& sets, std::size_t first, std::size_t count,
                          std::vector<std::size_t>& offsets);

}  // namespace vecinal
