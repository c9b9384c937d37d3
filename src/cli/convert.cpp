// vecinal convert: from one vector-file format to another, chosen by the extensions.
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <variant>

#include "commands.hpp"
#include "matrix.hpp"
#include "report.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {
namespace {

struct Written {
  std::size_t rows = 0;
  std::size_t columns = 0;
  const char* values = "";
};

Written write(const std::string& output, const FloatMatrix& matrix) {
  write_floats(output, matrix.view());
  return {matrix.rows, matrix.columns, "float32"};
}

Written write(const std::string& output, const IdMatrix& matrix) {
  write_ids(output, matrix.view());
  return {matrix.rows, matrix.columns, format_of(output) == FileFormat::npy ? "int64" : "int32"};
}

/// .fbin and .fvecs take vectors, .ibin and .ivecs ids, .npy what the input holds.
Written convert(const std::string& input, const std::string& output) {
  switch (format_of(output)) {
    case FileFormat::fbin:
    case FileFormat::fvecs:
      return write(output, read_floats(input));
    case FileFormat::ibin:
    case FileFormat::ivecs:
      return write(output, read_ids(input));
    default:
      return std::visit([&](const auto& matrix) { return write(output, matrix); }, read_any(input));
  }
}

}  // namespace

int run(const ConvertOptions& options) {
  require_folder_of(options.output);
  const Written written = convert(options.input, options.output);
  if (options.json) {
    print_json({{"file", options.output},
                {"rows", written.rows},
                {"columns", written.columns},
                {"dtype", written.values}});
  } else {
    fmt::print("{}: {} rows of {} {} values\n", options.output, with_commas(written.rows),
               written.columns, written.values);
  }
  return 0;
}

}  // namespace vecinal::cli
