/// Signs of neighbours behind rows, and what they say of a query: kernels/sign_rows.hpp on a
/// device, where each lane of a warp has a neighbour of its own.
///
/// A tail as it lies here:
///
///   | signs, u32 x 32 lanes x words x blocks | offsets, f16 x 32 x blocks | factors, u8 x 32 x
///   blocks | units, 2 x f32 |
///
/// Word w of a lane has dims 32 w .. 32 w + 31 of its neighbour, four bits a group: a warp reads a
/// word of all lanes at once, and each lane looks its groups up in the query's table.
#pragma once

#include "score.hpp"

namespace vecinal::cuda {

inline constexpr unsigned groups_a_word = 8;  ///< of 4 dims
inline constexpr unsigned table_entries = 16;

/// Tails of so many blocks and words.
struct TailShape {
  std::uint32_t blocks = 0;
  std::uint32_t words = 0;  ///< of a lane, in each block

  [[nodiscard]] __host__ __device__ std::uint32_t block_words() const { return words * warp_size; }
  [[nodiscard]] __host__ __device__ std::size_t offsets() const {
    return std::size_t{blocks} * block_words() * sizeof(std::uint32_t);
  }
  [[nodiscard]] __host__ __device__ std::size_t factors() const {
    return offsets() + std::size_t{blocks} * warp_size * sizeof(std::uint16_t);
  }
  [[nodiscard]] __host__ __device__ std::size_t units() const {
    return factors() + std::size_t{blocks} * warp_size;
  }
  /// From one tail to the next; reads of device memory are of 32 bytes.
  [[nodiscard]] __host__ __device__ std::size_t pitch() const {
    return (units() + 2 * sizeof(float) + 31) / 32 * 32;
  }
};

/// Of the rows of a level, and of the entries.
struct TailsView {
  const unsigned char* tails = nullptr;
  TailShape shape;
  const unsigned char* entries = nullptr;  ///< one tail
  const std::uint32_t* entry_nodes = nullptr;
  TailShape entry_shape;
  std::uint32_t dims = 0;  ///< that have signs
};

/// A query as it is compared with signs: <q, y> times the weight of the rows is
/// gap * (sum of entries) + origin.
struct SignQuery {
  const unsigned char* table = nullptr;  ///< table_bytes()
  float gap = 0;
  float origin = 0;
};

__host__ __device__ inline std::size_t table_bytes(std::uint32_t words) {
  return std::size_t{words} * groups_a_word * table_entries;
}

/// Entry c of a group is the sum of 2 |q_d| over the dims whose signs are those of c, in gaps, of
/// which the largest group has 255. All of a warp, which must be synchronized before it is read.
__device__ inline SignQuery make_sign_query(const QueryAtHand& query, const TailsView& tails,
                                            unsigned char* table, unsigned lane) {
  constexpr float most_entry = 255.0F;
  const auto* steps = reinterpret_cast<const std::int16_t*>(query.values);
  const unsigned groups = tails.dims / 4;
  unsigned most = 0;
  unsigned total = 0;
  for (unsigned g = lane; g < groups; g += warp_size) {
    unsigned sum = 0;
    for (unsigned b = 0; b < 4; ++b) {
      const int step = steps[4 * g + b];
      sum += static_cast<unsigned>(step < 0 ? -step : step);
    }
    most = sum > most ? sum : most;
    total += sum;
  }
  total = team_sum(total, warp_size);
  for (int step = 16; step != 0; step /= 2) {
    const unsigned other = __shfl_xor_sync(all_lanes, most, step);
    most = other > most ? other : most;
  }
  const auto largest = static_cast<float>(most == 0 ? 1 : most);
  const float entries = __fdiv_rn(most_entry, largest);
  auto* words = reinterpret_cast<unsigned*>(table);
  for (unsigned i = lane; i < tails.shape.words * groups_a_word * 4; i += warp_size) {
    const unsigned g = i / 4;
    unsigned packed = 0;
    for (unsigned c = 4 * (i % 4); g < groups && c < 4 * (i % 4) + 4; ++c) {
      int agreed = 0;
      for (unsigned b = 0; b < 4; ++b) {
        const int step = steps[4 * g + b];
        const int signed_step = (c >> b & 1U) != 0 ? step : -step;
        agreed += signed_step > 0 ? signed_step : 0;
      }
      const int entry = __float2int_rn(__fmul_rn(static_cast<float>(agreed), entries));
      packed |= static_cast<unsigned>(entry) << (c % 4 * 8);
    }
    words[i] = packed;
  }
  return {table, __fmul_rn(query.scale, __fdiv_rn(2.0F * largest, most_entry)),
          __fmul_rn(query.scale, -static_cast<float>(total))};
}

/// The sum of table entries that the signs of the lane's neighbour select.
__device__ inline unsigned sum_entries(const SignQuery& query, const TailShape& shape,
                                       const unsigned char* tail, unsigned block, unsigned lane) {
  const auto* words = reinterpret_cast<const unsigned*>(tail) + block * shape.block_words() + lane;
  const unsigned char* table = query.table;
  unsigned sum = 0;
#pragma unroll 4
  for (unsigned w = 0; w < shape.words; ++w) {
    const unsigned signs = words[w * warp_size];
#pragma unroll
    for (unsigned j = 0; j < groups_a_word; ++j)
      sum += table[j * table_entries + (signs >> (4 * j) & 15U)];
    table += groups_a_word * table_entries;
  }
  return sum;
}

/// The estimate of the score of the lane's neighbour. base: the score of the row.
__device__ inline float estimate(const SignQuery& query, const TailShape& shape,
                                 const unsigned char* tail, unsigned block, float base,
                                 unsigned sum, unsigned lane) {
  const unsigned at = block * warp_size + lane;
  const auto* units = reinterpret_cast<const float*>(tail + shape.units());
  const auto* offsets = reinterpret_cast<const std::uint16_t*>(tail + shape.offsets());
  const float product = __fmaf_rn(static_cast<float>(sum), query.gap, query.origin);
  const float factor = __fmul_rn(units[1], static_cast<float>(tail[shape.factors() + at]));
  return __fmaf_rn(factor, product, __fmaf_rn(half_value(offsets[at]), units[0], base));
}

}  // namespace vecinal::cuda
