// Locally-adaptive vector quantization (LVQ; Aguerrebere et al., PVLDB 16(11), 2023): every row has
// a uniform grid of its own. Ours has its origin on a multiple of half a gap, so that a row is one
// step times small integers and two rows can be compared in integers; the step is a bfloat16, whose
// rounding costs nothing, as codes are made after it, and which no magnitude overflows.
//
// Fitted grids: the range that leaves the least squared error, as OSQ and CAQ (SAQ, section 4) find
// by descent; here by trying ranges, for the best code on a given grid is the nearest point.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "encoding/codec.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

using kernels::CodeHeader;
using kernels::Grid;

constexpr float least_step = 0x1p-126F;
constexpr float most_steps = 16000.0F;  ///< from zero to the grid: a row as a query is int16

/// The next bfloat16 that is not smaller.
std::uint16_t to_bfloat16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<std::uint16_t>((bits + 0xFFFFU) >> 16U);
}

float from_bfloat16(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16U;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The grid from low to high with codes 0 .. max_code.
Grid grid_of(float low, float high, float max_code) {
  // Halves first: the spread of two large floats may overflow.
  const float half_spread = 0.5F * high - 0.5F * low;
  const float magnitude = std::max(std::fabs(low), std::fabs(high));
  const float step = std::max({half_spread / max_code, magnitude / most_steps, least_step});
  const float rounded = from_bfloat16(to_bfloat16(step));
  return {rounded, static_cast<std::int16_t>(std::lround(low / rounded))};
}

class LvqCodec final : public Codec {
 public:
  LvqCodec(unsigned bits, bool fitted)
      : bits_(bits), fitted_(fitted), max_code_(bits == 8 ? 255.0F : 15.0F) {}

  std::size_t padded(std::size_t dim) const override { return kernels::padded_codes(dim); }
  std::size_t stride(std::size_t padded_dim) const override {
    return sizeof(CodeHeader) + padded_dim * bits_ / 8;
  }
  bool is_code() const override { return true; }
  const char* range() const override { return "any finite float32"; }

  bool encode(const float* from, std::size_t padded_dim, std::byte* to) const override {
    float low = 0;
    float high = 0;
    kernels::active().range(from, padded_dim, &low, &high);
    const Grid grid = fitted_ ? fit(from, padded_dim, low, high) : grid_of(low, high, max_code_);
    const CodeHeader header{to_bfloat16(grid.step), grid.offset, 0};
    std::memcpy(to, &header, sizeof header);
    kernel().encode(from, padded_dim, grid,
                    reinterpret_cast<std::uint8_t*>(to + sizeof(CodeHeader)));
    return true;
  }

  void decode(const std::byte* from, std::size_t padded_dim, float* to) const override {
    kernel().decode(codes(from), padded_dim, grid(from), to);
  }

  float step(const std::byte* row) const override { return grid(row).step; }

  void widen(const std::byte* row, std::size_t padded_dim, std::int16_t* steps) const override {
    kernel().widen(codes(row), padded_dim, grid(row).offset, steps);
  }

 private:
  static const std::uint8_t* codes(const std::byte* row) {
    return reinterpret_cast<const std::uint8_t*>(row + sizeof(CodeHeader));
  }
  static Grid grid(const std::byte* row) {
    CodeHeader header;
    std::memcpy(&header, row, sizeof header);
    return {from_bfloat16(header.step), header.offset};
  }
  [[nodiscard]] const kernels::CodeKernels& kernel() const {
    return bits_ == 8 ? kernels::active().codes8 : kernels::active().codes4;
  }

  /// The best of some ranges around the middle of the row's.
  [[nodiscard]] Grid fit(const float* from, std::size_t count, float low, float high) const {
    constexpr int tries = 13;
    constexpr float shrink = 0.04F;
    const float middle = 0.5F * low + 0.5F * high;
    const float half = 0.5F * high - 0.5F * low;
    Grid best = grid_of(low, high, max_code_);
    float least = kernels::active().grid_error(from, count, best, max_code_);
    for (int i = 1; i < tries; ++i) {
      const float share = 1.0F - shrink * static_cast<float>(i);
      const Grid grid = grid_of(middle - share * half, middle + share * half, max_code_);
      const float error = kernels::active().grid_error(from, count, grid, max_code_);
      if (error < least) {
        least = error;
        best = grid;
      }
    }
    return best;
  }

  unsigned bits_;
  bool fitted_;
  float max_code_;
};

}  // namespace

const Codec& lvq_codec(unsigned bits, bool fitted) {
  static const LvqCodec instances[2][2] = {{LvqCodec(4, false), LvqCodec(4, true)},
                                           {LvqCodec(8, false), LvqCodec(8, true)}};
  return instances[bits == 8 ? 1 : 0][fitted ? 1 : 0];
}

}  // namespace vecinal
