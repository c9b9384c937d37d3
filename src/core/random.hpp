/// Counter-based random numbers (Philox 4x32-10, Salmon et al., SC 2011): a pure function of
/// (seed, stream, counter), so any thread, any order and any device draws the same bits.
#pragma once

#include <Random123/philox.h>

#include <cstdint>

namespace vecinal {

/// One stream per use, so that no two uses share numbers.
enum class Stream : std::uint32_t {
  levels = 1,
  shuffle = 2,
  sample = 3,
  signs = 4,
  planes = 5,
  inner_projection = 6,
  final_projection = 7
};

/// 64 uniform bits.
[[nodiscard]] inline std::uint64_t random_bits(std::uint64_t seed, Stream stream,
                                               std::uint64_t counter) {
  const r123::Philox4x32::ctr_type block = {{static_cast<std::uint32_t>(counter),
                                             static_cast<std::uint32_t>(counter >> 32U),
                                             static_cast<std::uint32_t>(stream), 0U}};
  const r123::Philox4x32::key_type key = {
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)}};
  const auto drawn = r123::Philox4x32()(block, key);
  return (static_cast<std::uint64_t>(drawn[1]) << 32U) | drawn[0];
}

/// Uniform in (0, 1].
[[nodiscard]] inline double random_unit(std::uint64_t seed, Stream stream, std::uint64_t counter) {
  return (static_cast<double>(random_bits(seed, stream, counter) >> 11U) + 1.0) * 0x1.0p-53;
}

}  // namespace vecinal
