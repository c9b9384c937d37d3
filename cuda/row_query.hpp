/// Stored rows as queries, for comparing rows with one another: Storage::scorer_of() on a device.
#pragma once

#include "score.hpp"

namespace vecinal::cuda {

/// What a query made of a row of codes needs: RowFormat's weight and origin.
struct RowScore {
  float weight = -1;
  float origin = 0;
};

/// Two 16-bit steps, each 2 * code + offset.
__device__ inline unsigned pair_of(unsigned first, unsigned second, int offset) {
  const auto low = static_cast<unsigned>(2 * static_cast<int>(first) + offset) & 0xFFFFU;
  const auto high = static_cast<unsigned>(2 * static_cast<int>(second) + offset) & 0xFFFFU;
  return low | high << 16U;
}

__device__ inline int low_step(unsigned pair) { return static_cast<std::int16_t>(pair & 0xFFFFU); }
__device__ inline int high_step(unsigned pair) { return static_cast<std::int16_t>(pair >> 16U); }

/// Four codes of one byte each as two pairs of steps.
__device__ inline void widen_word(unsigned codes, int offset, unsigned* to) {
  to[0] = pair_of(codes & 0xFFU, codes >> 8U & 0xFFU, offset);
  to[1] = pair_of(codes >> 16U & 0xFFU, codes >> 24U, offset);
}

__device__ inline void widen(const uint4& codes, int offset, unsigned* to, Bytes) {
  widen_word(codes.x, offset, to);
  widen_word(codes.y, offset, to + 2);
  widen_word(codes.z, offset, to + 4);
  widen_word(codes.w, offset, to + 6);
}

__device__ inline void widen(const uint4& codes, int offset, unsigned* to, Nibbles) {
  widen(Nibbles::low(codes), offset, to, Bytes{});
  widen(Nibbles::low({codes.x >> 4U, codes.y >> 4U, codes.z >> 4U, codes.w >> 4U}), offset, to + 8,
        Bytes{});
}

/// How a kind of row becomes a query. load() is for a whole warp, which must be synchronized before
/// the query is read.
template <class Rows>
struct RowAsQuery;

template <class Codes>
struct RowAsQuery<CodeRows<Codes>> {
  __device__ static QueryAtHand load(const RowsView& rows, const RowScore& format,
                                     std::uint32_t slot, unsigned char* to, unsigned lane) {
    const unsigned char* row = rows.data + slot * rows.pitch;
    const auto* codes = reinterpret_cast<const uint4*>(row + code_begin);
    auto* steps = reinterpret_cast<unsigned*>(to);
    const unsigned header = *reinterpret_cast<const unsigned*>(row + code_header_at);
    const int offset = static_cast<std::int16_t>(header >> 16U);
    constexpr unsigned pairs = Codes::chunk_codes / 2;
    const unsigned chunks = rows.padded_dim / Codes::chunk_codes;
    int sum = 0;
    long long magnitude = 0;
    for (unsigned i = lane; i < chunks; i += warp_size) {
      unsigned* mine = steps + i * pairs;
      widen(codes[i], offset, mine, Codes{});
      for (unsigned p = 0; p < pairs; ++p) {
        const int low = low_step(mine[p]);
        const int high = high_step(mine[p]);
        sum += low + high;
        magnitude += (low < 0 ? -low : low) + (high < 0 ? -high : high);
      }
    }
    float size = __uint_as_float(header << 16U);
    // Only rows of very many dims, or whose spread is small beside their mean, can be that large.
    for (magnitude = team_sum(magnitude, warp_size); magnitude > kernels::max_step_sum;
         magnitude /= 2) {
      sum = 0;
      for (unsigned i = lane; i < chunks; i += warp_size)
        for (unsigned* pair = steps + i * pairs; pair != steps + (i + 1) * pairs; ++pair) {
          const int low = low_step(*pair) / 2;
          const int high = high_step(*pair) / 2;
          sum += low + high;
          *pair = (static_cast<unsigned>(low) & 0xFFFFU) | static_cast<unsigned>(high) << 16U;
        }
      size = __fmul_rn(size, 2.0F);
    }
    sum = team_sum(sum, warp_size);
    const float bias = *reinterpret_cast<const float*>(row + code_header_at + 4);
    return {to, __fmul_rn(format.weight, size), static_cast<float>(sum),
            __fadd_rn(format.origin, bias)};
  }
};

template <class Values, class Op>
struct RowAsQuery<FloatRows<Values, Op>> {
  __device__ static QueryAtHand load(const RowsView& rows, const RowScore&, std::uint32_t slot,
                                     unsigned char* to, unsigned lane) {
    const unsigned char* from = rows.data + slot * rows.pitch;
    for (unsigned i = lane; i < rows.padded_dim / 4; i += warp_size)
      reinterpret_cast<uint4*>(to)[i] = Values::load(from, 4 * i);
    return {to, 0, 0, 0};
  }
};

}  // namespace vecinal::cuda
