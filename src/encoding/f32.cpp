// float32 rows: stored as they are.
#include <cstring>

#include "encoding/codec.hpp"

namespace vecinal {
namespace {

class F32Codec final : public Codec {
 public:
  std::size_t stride(std::size_t padded_dim) const override { return padded_dim * sizeof(float); }
  bool encode(const float* from, std::size_t padded_dim, std::byte* to) const override {
    std::memcpy(to, from, padded_dim * sizeof(float));
    return true;
  }
  void decode(const std::byte* from, std::size_t padded_dim, float* to) const override {
    std::memcpy(to, from, padded_dim * sizeof(float));
  }
  bool is_float() const override { return true; }
  const char* range() const override { return "any finite float32"; }
};

}  // namespace

const Codec& f32_codec() {
  static const F32Codec instance;
  return instance;
}

}  // namespace vecinal
