/// Neighbours taken by their signs about a node (RaBitQ's one-bit codes), 32 at a time by table
/// lookups (FastScan; Andre et al., PVLDB 9(4), 2015). Included by kernels.cpp only.
#pragma once

#include "kernels/code_conversions.hpp"
#include "kernels/kernels.hpp"
#include "kernels/vec.hpp"

namespace {

using std::int16_t;
using std::size_t;
using std::uint16_t;
using std::uint32_t;
using std::uint8_t;
using vecinal::kernels::padded;
using vecinal::kernels::sign_group;
using vecinal::kernels::sign_lanes;
using vecinal::kernels::SignBlock;
using vecinal::kernels::SignedSum;
using vecinal::kernels::SignQuery;

/// Entries are below 64, so that four of them add up in a byte.
constexpr float most_entry = 63.0F;
constexpr float fraction = 256.0F;
constexpr float tiny = 1e-30F;  // its reciprocal is finite; whatever is smaller counts as zero

/// 1 where bit b of c is set, else -1.
alignas(32) constexpr int16_t sign_columns[4][16] = {
    {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1},
    {-1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1},
    {-1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1},
    {-1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1}};

void sign_table(const float* query, size_t dims, SignQuery* to, uint8_t* table) noexcept {
  // Four groups of dims at a time: every lane is a group of its own.
  constexpr size_t group = sign_group;
  constexpr size_t block = vecinal::kernels::row_padding;
  float most_of[group] = {};
  float magnitude_of[group] = {};
  for (size_t d = 0; d < dims; d += block) {
    float a[block];
    for (size_t k = 0; k < block; k += F32::width) {
      const F32 value = load(query + d + k);
      store(a + k, greatest(value, sub(zero(), value)));
    }
    for (size_t g = 0; g < group; ++g) {
      const float* of = a + group * g;
      const float sum = (of[0] + of[1]) + (of[2] + of[3]);
      most_of[g] = sum > most_of[g] ? sum : most_of[g];
      magnitude_of[g] += sum;
    }
  }
  float most = 0;
  for (const float sum : most_of) most = sum > most ? sum : most;
  to->table = table;
  to->dims = dims;
  to->gap = most > tiny ? 2.0F * most / most_entry : 0.0F;
  to->origin = -((magnitude_of[0] + magnitude_of[1]) + (magnitude_of[2] + magnitude_of[3]));
  // An entry is the sum of 2 |q_d| over the dims whose signs agree, in gaps of 1 / 256.
  const float scale = most > tiny ? most_entry * fraction / most : 0.0F;
  int16_t steps[vecinal::kernels::max_sign_dim];
  to_steps(query, padded(dims), scale, steps);
  for (size_t d = 0; d < dims; d += group, table += 16)
    sign_entries(steps + d, sign_columns[0], table);
}

uint32_t estimate(const SignQuery& query, const SignBlock& block, float base, float limit,
                  float* scores) noexcept {
  alignas(64) uint16_t sums[sign_lanes];
  scan_signs(block.signs, query.table, query.dims, block.ahead, sums);
  const float scaled[] = {block.factor_unit * query.gap, block.factor_unit * query.origin};
  const F32 gap = broadcast(scaled);
  const F32 origin = broadcast(scaled + 1);
  const F32 unit = broadcast(&block.offset_unit);
  const F32 start = broadcast(&base);
  const F32 most = broadcast(&limit);
  uint32_t below = 0;
#pragma GCC unroll 32
  for (size_t k = 0; k < sign_lanes; k += F32::width) {
    const F32 product = fma(load_counts(sums + k), gap, origin);
    const F32 near = fma(load_half(block.offsets + k), unit, start);
    const F32 score = fma(load_counts(block.factors + k), product, near);
    store(scores + k, score);
    below |= less_equal(score, most) << k;
  }
  return below;
}

/// Byte of a group's 16 in which a vector has its half: even bytes hold the first 8 of 16 vectors.
constexpr size_t sign_byte(size_t lane) {
  const size_t j = lane % 16;
  return j < 8 ? 2 * j : 2 * (j - 8) + 1;
}

/// Sums over lanes that are row_padding dims apart.
struct LaneSums {
  static constexpr size_t width = vecinal::kernels::row_padding;
  static constexpr size_t parts = width / F32::width;
  F32 of[parts];

  LaneSums() {
    for (F32& part : of) part = zero();
  }
  [[nodiscard]] float total() const {
    float lanes[width];
    for (size_t p = 0; p < parts; ++p) store(lanes + p * F32::width, of[p]);
    float total = 0;
    for (const float lane : lanes) total += lane;
    return total;
  }
};

void pack_signs(const float* centre, const float* vector, size_t dims, size_t lane, uint8_t* signs,
                SignedSum* to) noexcept {
  LaneSums squares;
  LaneSums magnitudes;
  LaneSums products;
  LaneSums signed_centre;
  const uint32_t shift = lane < 16 ? 0 : 4;
  const uint32_t others = shift == 0 ? 0xF0U : 0x0FU;
  signs += sign_byte(lane);
  for (size_t d = 0; d < dims; d += LaneSums::width) {
    uint32_t at_most = 0;
#pragma GCC unroll 16
    for (size_t p = 0; p < LaneSums::parts; ++p) {
      const F32 c = load(centre + d + p * F32::width);
      const F32 x = load(vector + d + p * F32::width);
      const F32 rest = sub(x, c);
      at_most |= less_equal(x, c) << (p * F32::width);
      squares.of[p] = add(squares.of[p], mul(rest, rest));
      magnitudes.of[p] = add(magnitudes.of[p], greatest(rest, sub(zero(), rest)));
      products.of[p] = add(products.of[p], mul(c, rest));
      signed_centre.of[p] = add(signed_centre.of[p], where_at_most(x, c, sub(zero(), c), c));
    }
    for (size_t k = 0; k < LaneSums::width && d + k < dims; k += sign_group) {
      uint8_t& byte = signs[4 * (d + k)];
      const uint32_t bits = (~at_most >> k) & 15U;
      byte = static_cast<uint8_t>((byte & others) | bits << shift);
    }
  }
  *to = {squares.total(), magnitudes.total(), products.total(), signed_centre.total()};
}

}  // namespace
