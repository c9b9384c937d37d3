// Products that a warp makes together, word by word as tensor cores have them in their lanes.
#include <algorithm>
#include <array>

#include "emulation.hpp"

namespace emulation {
namespace {

constexpr unsigned lanes = 32;

/// Two words of each lane of the warp.
std::array<std::uint64_t, lanes> both(unsigned first, unsigned second) {
  std::array<std::uint64_t, lanes> all{};
  std::copy_n(exchange(first | std::uint64_t{second} << 32U), lanes, all.begin());
  return all;
}

/// Calls add(i, words of a row, words of a vector) for all that sum i of the lane is made of.
template <class Add>
void for_products(const unsigned (&a)[4], const uint2& b, Add add) {
  const std::array<std::array<std::uint64_t, lanes>, 2> rows{both(a[0], a[2]), both(a[1], a[3])};
  const std::array<std::uint64_t, lanes> vectors = both(b.x, b.y);
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned t = 0; t < 4; ++t)
      add(i, rows[i / 2][lane() / 4 * 4 + t], vectors[(lane() % 4 * 2 + i % 2) * 4 + t]);
}

/// Products of two-byte values, four to a word pair; value(bits): of one.
template <class Value>
void multiply_values(float* sums, const unsigned (&a)[4], const uint2& b, Value value) {
  for_products(a, b, [&](unsigned i, std::uint64_t row, std::uint64_t vector) {
    for (unsigned shift = 0; shift < 64; shift += 16)
      sums[i] += value(static_cast<std::uint16_t>(row >> shift)) *
                 value(static_cast<std::uint16_t>(vector >> shift));
  });
}

}  // namespace

void multiply_bytes(int (&sums)[4], const unsigned (&a)[4], const uint2& b, bool is_signed) {
  for_products(a, b, [&](unsigned i, std::uint64_t row, std::uint64_t vector) {
    auto sum = static_cast<unsigned>(sums[i]);
    for (unsigned shift = 0; shift < 64; shift += 8) {
      const auto x = static_cast<int>(row >> shift & 0xFFU);
      const auto byte = static_cast<int>(vector >> shift & 0xFFU);
      const int q = is_signed && byte > 127 ? byte - 256 : byte;
      sum += static_cast<unsigned>(x * q);
    }
    sums[i] = static_cast<int>(sum);
  });
}

void multiply_bf16(float (&sums)[4], const unsigned (&a)[4], const uint2& b) {
  multiply_values(sums, a, b,
                  [](std::uint16_t bits) { return std::bit_cast<float>(unsigned{bits} << 16U); });
}

void multiply_halves(float* sums, const unsigned (&a)[4], const uint2& b) {
  multiply_values(sums, a, b, [](std::uint16_t bits) {
    __extension__ const auto half = std::bit_cast<_Float16>(bits);
    return static_cast<float>(half);
  });
}

}  // namespace emulation
