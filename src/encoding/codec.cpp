#include "encoding/codec.hpp"

namespace vecinal {

const Codec& codec(Encoding encoding) {
  switch (encoding) {
    case Encoding::f16:
      return f16_codec();
    case Encoding::f32:
      break;
  }
  return f32_codec();
}

}  // namespace vecinal
