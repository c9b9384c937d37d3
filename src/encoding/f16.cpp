// float16 rows: IEEE half, rounded to nearest even.
#include "encoding/codec.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

constexpr std::uint16_t exponent_bits = 0x7C00;

class F16Codec final : public Codec {
 public:
  std::size_t stride(std::size_t padded_dim) const override {
    return padded_dim * sizeof(std::uint16_t);
  }
  bool encode(const float* from, std::size_t padded_dim, std::byte* to) const override {
    auto* halves = reinterpret_cast<std::uint16_t*>(to);
    kernels::active().to_half(from, halves, padded_dim);
    for (std::size_t i = 0; i < padded_dim; ++i)
      if ((halves[i] & exponent_bits) == exponent_bits) return false;
    return true;
  }
  void decode(const std::byte* from, std::size_t padded_dim, float* to) const override {
    kernels::active().from_half(reinterpret_cast<const std::uint16_t*>(from), to, padded_dim);
  }
  const char* range() const override { return "magnitudes up to 65,504"; }
};

}  // namespace

const Codec& f16_codec() {
  static const F16Codec instance;
  return instance;
}

}  // namespace vecinal
