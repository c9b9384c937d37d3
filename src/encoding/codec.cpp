#include "encoding/codec.hpp"

namespace vecinal {

const Codec& codec(kernels::RowType type, bool fitted) {
  using kernels::RowType;
  switch (type) {
    case RowType::f16:
      return f16_codec();
    case RowType::lvq8:
    case RowType::lvq4x8:
    case RowType::lvq8x8:
      return lvq_codec(8, fitted);
    case RowType::lvq4:
    case RowType::lvq4x4:
      return lvq_codec(4, fitted);
    case RowType::f32:
      break;
  }
  return f32_codec();
}

}  // namespace vecinal
