// The .npy format: "\x93NUMPY", version (2 bytes), header length (u16, from 2.0 on u32), a Python
// dict as text with the keys descr, fortran_order and shape, then the values.
#include <cctype>
#include <limits>
#include <string>
#include <vector>

#include "raw_table.hpp"
#include "read_error.hpp"

namespace vecinal::cli {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t longest_header = 65'535;  // what 1.0 can say; ours takes about 60

struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::size_t>> shape;
};

/// Reads the dict as strictly as Python prints it, in any order of keys.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  Header parse() {
    expect('{');
    while (!accept('}')) {
      read_entry();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size()) bad_header();
    if (!header_.descr || !header_.fortran_order || !header_.shape) {
      refuse(file_, "the header must have the keys descr, fortran_order and shape");
    }
    return header_;
  }

 private:
  void read_entry() {
    const std::string key = quoted();
    expect(':');
    if (key == "descr" && !header_.descr) {
      skip_spaces();
      if (peek() == '[') refuse(file_, "structured rows (descr is a list) are not supported");
      header_.descr = quoted();
    } else if (key == "fortran_order" && !header_.fortran_order) {
      header_.fortran_order = boolean();
    } else if (key == "shape" && !header_.shape) {
      header_.shape = shape();
    } else {
      refuse(file_, "the header has the key '{}', unknown or repeated", key);
    }
  }

  std::string quoted() {
    skip_spaces();
    const char quote = peek();
    if (quote != '\'' && quote != '"') bad_header();
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) bad_header();
    std::string text(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    for (const char c : text) {
      if (std::isprint(static_cast<unsigned char>(c)) == 0) bad_header();
    }
    return text;
  }

  bool boolean() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    bad_header();
  }

  std::vector<std::size_t> shape() {
    std::vector<std::size_t> sizes;
    expect('(');
    while (!accept(')')) {
      sizes.push_back(size());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

  std::size_t size() {
    skip_spaces();
    constexpr std::size_t largest = std::numeric_limits<std::size_t>::max();
    const std::size_t start = at_;
    std::size_t value = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      const auto digit = static_cast<std::size_t>(peek() - '0');
      if (value > (largest - digit) / 10) refuse(file_, "the shape passes 2^64 - 1");
      value = value * 10 + digit;
    }
    if (at_ == start) bad_header();
    if (peek() == 'L') ++at_;  // Python 2 printed long integers so
    return value;
  }

  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_spaces() {
    while (peek() == ' ' || peek() == '\n' || peek() == '\t') ++at_;
  }

  bool accept(char c) {
    skip_spaces();
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) bad_header();
  }

  [[noreturn]] void bad_header() const {
    refuse(file_, "the header is not a Python dict as NumPy writes it (at its byte {})", at_);
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t at_ = 0;
  Header header_;
};

struct ElementType {
  Scalar scalar;
  std::endian order;
};

ElementType element_type(std::string_view descr, std::string_view file) {
  struct Known {
    std::string_view code;
    Scalar scalar;
  };
  constexpr Known known[] = {{"f2", Scalar::f16}, {"f4", Scalar::f32}, {"f8", Scalar::f64},
                             {"u1", Scalar::u8},  {"i1", Scalar::i8},  {"u4", Scalar::u32},
                             {"i4", Scalar::i32}, {"u8", Scalar::u64}, {"i8", Scalar::i64}};
  const char mark = descr.empty() ? '\0' : descr.front();
  for (const Known& type : known) {
    if (descr.empty() || descr.substr(1) != type.code) continue;
    if (mark == '<') return {type.scalar, std::endian::little};
    if (mark == '>') return {type.scalar, std::endian::big};
    if (mark == '=' || (mark == '|' && width(type.scalar) == 1)) {
      return {type.scalar, std::endian::native};
    }
  }
  refuse(file, "dtype '{}' is not supported; these are: f2 f4 f8 u1 i1 u4 i4 u8 i8", descr);
}

struct Sections {
  std::string_view header;
  std::span<const std::byte> values;
};

/// Splits the file after its header, whose length is checked against what is there.
Sections split(std::span<const std::byte> bytes, std::string_view file) {
  const auto text = [](std::span<const std::byte> part) {
    return std::string_view(reinterpret_cast<const char*>(part.data()), part.size());
  };
  const std::size_t versioned = magic.size() + 2;
  if (bytes.size() < versioned || text(bytes.first(magic.size())) != magic) {
    refuse(file, "expected a .npy file, but it does not start with \\x93NUMPY and a version");
  }
  const auto major = std::to_integer<unsigned>(bytes[magic.size()]);
  const auto minor = std::to_integer<unsigned>(bytes[magic.size() + 1]);
  if ((major != 1 && major != 2) || minor != 0) {
    refuse(file, "expected .npy version 1.0 or 2.0, found {}.{}", major, minor);
  }
  const std::size_t head = versioned + (major == 1 ? 2 : 4);
  if (bytes.size() < head) refuse(file, "cut off within the first {} bytes", head);
  const std::size_t length = major == 1 ? load_integer<std::uint16_t>(bytes.data() + versioned)
                                        : load_integer<std::uint32_t>(bytes.data() + versioned);
  if (length > longest_header || length > bytes.size() - head) {
    refuse(file, "the header says it has {} bytes, expected at most {} and the file has {} left",
           length, longest_header, bytes.size() - head);
  }
  return {text(bytes.subspan(head, length)), bytes.subspan(head + length)};
}

}  // namespace

RawTable parse_npy(std::span<const std::byte> bytes, std::string_view file) {
  const Sections sections = split(bytes, file);
  const Header header = HeaderParser(sections.header, file).parse();
  const auto [scalar, order] = element_type(*header.descr, file);
  const std::vector<std::size_t>& shape = *header.shape;
  if (shape.empty() || shape.size() > 2) {
    refuse(file, "expected 1 or 2 dimensions of the array, found {}", shape.size());
  }
  const std::size_t rows = shape[0];
  const std::size_t columns = shape.size() == 2 ? shape[1] : 1;
  if (rows == 0 || columns == 0) {
    refuse(file, "the shape is {} rows of {} values, expected at least 1 of each", rows, columns);
  }
  const auto expected = bytes_of(rows, columns, width(scalar));
  if (!expected || *expected != sections.values.size()) {
    refuse(file, "{} rows of {} {} values need {} bytes after the header, found {}", rows, columns,
           name(scalar), expected ? fmt::format("{}", *expected) : "more than 2^64",
           sections.values.size());
  }
  const bool by_columns = *header.fortran_order;
  return {.scalar = scalar,
          .order = order,
          .rank = shape.size(),
          .rows = rows,
          .columns = columns,
          .row_step = width(scalar) * (by_columns ? 1 : columns),
          .column_step = width(scalar) * (by_columns ? rows : 1),
          .bytes = sections.values};
}

}  // namespace vecinal::cli
