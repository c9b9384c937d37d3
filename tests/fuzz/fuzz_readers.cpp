// Fuzzes the vector-file readers: the first byte chooses the format and whether vectors or ids are
// wanted, the rest is the file. A file is read soundly or refused with ReadError.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "read_error.hpp"
#include "vector_file.hpp"

namespace {

using vecinal::cli::FileFormat;

constexpr unsigned format_count = 8;

/// The promise of vector_file.hpp: at least one row and column, at most eight times the file.
template <class T>
void require_sound(const vecinal::cli::Matrix<T>& matrix, std::size_t file_bytes) {
  const bool sound = matrix.rows > 0 && matrix.columns > 0 &&
                     matrix.values.size() == matrix.rows * matrix.columns &&
                     matrix.values.size() * sizeof(T) <= 8 * file_bytes;
  if (!sound) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto format = static_cast<FileFormat>(data[0] % format_count);
  const bool ids = data[0] / format_count % 2 != 0;
  const auto file = std::as_bytes(std::span(data + 1, size - 1));
  try {
    if (ids) {
      require_sound(vecinal::cli::parse_ids(file, format, "fuzzed"), file.size());
    } else {
      require_sound(vecinal::cli::parse_floats(file, format, "fuzzed"), file.size());
    }
  } catch (const vecinal::cli::ReadError&) {
    return 0;
  }
  return 0;
}
