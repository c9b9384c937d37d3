#include "core/section_file.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>

#include "core/concat.hpp"
#include "core/raw_bytes.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

constexpr std::array<char, 8> magic = {'V', 'E', 'C', 'I', 'N', 'A', 'L', '\0'};
constexpr std::array<char, 8> end_magic = {'V', 'E', 'C', 'I', 'N', 'E', 'N', 'D'};
constexpr std::uint32_t max_sections = 256;
constexpr std::uint64_t page = 4096;

/// Bytes that are hashed or written between two looks at whether to go on.
constexpr std::size_t piece_bytes = std::size_t{1} << 22U;

struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t endian;
  std::uint64_t length;
  std::uint32_t sections;
  std::uint32_t zero;
  std::uint64_t table_checksum;
  std::uint64_t reserved[2];
  std::uint64_t checksum;  ///< of the 56 bytes before it
};
static_assert(sizeof(Header) == 64);

struct Entry {
  std::array<char, 8> tag;
  std::uint32_t version;
  std::uint32_t critical;
  std::uint64_t offset;
  std::uint64_t length;
  std::uint64_t checksum;
  std::uint64_t reserved;
};
static_assert(sizeof(Entry) == 48);

struct Footer {
  std::array<char, 8> magic;
  std::uint64_t checksum;  ///< of header and table
};
static_assert(sizeof(Footer) == 16);

template <class Body>
void for_pieces(std::span<const std::byte> data, const Body& body) {
  for (; !data.empty(); data = data.subspan(std::min(piece_bytes, data.size())))
    body(data.first(std::min(piece_bytes, data.size())));
}

std::uint64_t hash(std::span<const std::byte> data) {
  return XXH3_64bits(data.data(), data.size());
}

/// The same, piece by piece: told(bytes) after each.
template <class Told>
std::uint64_t hash(std::span<const std::byte> data, const Told& told) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  for_pieces(data, [&](std::span<const std::byte> piece) {
    XXH3_64bits_update(&state, piece.data(), piece.size());
    told(piece.size());
  });
  return XXH3_64bits_digest(&state);
}

std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + step - 1) / step * step;
}

std::string tag_text(const std::array<char, 8>& tag) {
  const auto end = std::find(tag.begin(), tag.end(), '\0');
  return {tag.begin(), end};
}

void expect_zero(std::span<const std::byte> file, std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t i = begin; i < end; ++i)
    if (file[i] != std::byte{0}) throw FormatError(concat("padding: byte ", i, " is not zero"));
}

Header read_header(std::span<const std::byte> file) {
  if (file.size() < sizeof(Header) + sizeof(Footer))
    throw FormatError(concat("header: the file has ", file.size(), " bytes, an index has at least ",
                             sizeof(Header) + sizeof(Footer)));
  const auto header = read_at<Header>(file, 0);
  if (header.magic != magic) throw FormatError("header: not a vecinal index (wrong magic)");
  if (header.endian != endian_mark)
    throw FormatError("header: written on a machine of another byte order");
  if (header.version != file_version)
    throw FormatError(
        concat("header: version ", header.version, ", this library reads version ", file_version));
  if (header.checksum != hash(file.first(offsetof(Header, checksum))))
    throw FormatError("header: checksum mismatch");
  if (header.length != file.size())
    throw FormatError(concat("header: the file should have ", header.length, " bytes and has ",
                             file.size(),
                             header.length > file.size() ? " (truncated)" : " (too long)"));
  if (header.sections > max_sections)
    throw FormatError(concat("header: ", header.sections, " sections, at most ", max_sections));
  return header;
}

void expect_checksum(const Section& section, std::uint64_t found) {
  if (found != section.checksum)
    throw FormatError(concat("section ", section.tag, ": checksum mismatch"));
}

}  // namespace

void SectionWriter::add(std::string_view tag, std::span<const std::byte> data) {
  parts_.push_back({std::string(tag), data});
}

std::vector<std::uint64_t> SectionWriter::offsets() const {
  std::vector<std::uint64_t> starts;
  std::uint64_t at = sizeof(Header) + parts_.size() * sizeof(Entry);
  for (const Part& part : parts_) {
    at = round_up(at, part.data.size() >= mappable_bytes ? page : 64);
    starts.push_back(at);
    at += part.data.size();
  }
  starts.push_back(round_up(at, 64));
  return starts;
}

std::uint64_t SectionWriter::size() const { return offsets().back() + sizeof(Footer); }

std::vector<std::byte> SectionWriter::head(std::span<const std::uint64_t> starts,
                                           const Stretch& watch) const {
  std::vector<Entry> table;
  std::uint64_t hashed = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Entry entry{};
    std::copy_n(parts_[i].tag.begin(), std::min<std::size_t>(parts_[i].tag.size(), 8),
                entry.tag.begin());
    entry.version = 1;
    entry.critical = 1;
    entry.offset = starts[i];
    entry.length = parts_[i].data.size();
    entry.checksum = hash(parts_[i].data, [&](std::size_t bytes) {
      hashed += bytes;
      watch.update(hashed, starts.back());
    });
    table.push_back(entry);
  }
  Header header{};
  header.magic = magic;
  header.version = file_version;
  header.endian = endian_mark;
  header.length = starts.back() + sizeof(Footer);
  header.sections = static_cast<std::uint32_t>(parts_.size());
  header.table_checksum = hash(std::as_bytes(std::span(table)));
  header.checksum = hash(bytes_of(header).first(offsetof(Header, checksum)));

  std::vector<std::byte> head(sizeof(Header) + table.size() * sizeof(Entry));
  std::memcpy(head.data(), &header, sizeof header);
  std::memcpy(head.data() + sizeof header, table.data(), table.size() * sizeof(Entry));
  return head;
}

void SectionWriter::write(const std::function<void(std::span<const std::byte>)>& sink,
                          const Stretch& watch) const {
  constexpr double hashing = 0.2;  // of the time, where disks are fast
  const std::vector<std::uint64_t> starts = offsets();
  const std::vector<std::byte> first = head(starts, watch.part(0, hashing));
  const Stretch writing = watch.part(hashing, 1);
  static constexpr std::array<std::byte, page> zeros{};
  sink(first);
  std::uint64_t at = first.size();
  const auto pad = [&](std::uint64_t to) {
    if (to > at) sink(std::span(zeros).first(to - at));
    at = to;
  };
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    pad(starts[i]);
    for_pieces(parts_[i].data, [&](std::span<const std::byte> piece) {
      sink(piece);
      at += piece.size();
      writing.update(at, starts.back());
    });
  }
  pad(starts.back());
  sink(bytes_of(Footer{end_magic, hash(first)}));
}

SectionReader::SectionReader(std::span<const std::byte> file) {
  const Header header = read_header(file);
  checksum_ = header.checksum;
  const std::uint64_t head = sizeof(Header) + std::uint64_t{header.sections} * sizeof(Entry);
  if (head > file.size() - sizeof(Footer))
    throw FormatError("table: reaches past the end of the file");
  if (header.table_checksum != hash(file.subspan(sizeof(Header), head - sizeof(Header))))
    throw FormatError("table: checksum mismatch");
  const auto footer = read_at<Footer>(file, file.size() - sizeof(Footer));
  if (footer.magic != end_magic || footer.checksum != hash(file.first(head)))
    throw FormatError("footer: does not belong to the header");
  std::uint64_t at = head;
  const std::uint64_t end = file.size() - sizeof(Footer);
  for (std::uint32_t i = 0; i < header.sections; ++i) {
    const auto entry = read_at<Entry>(file, sizeof(Header) + i * sizeof(Entry));
    const std::string tag = tag_text(entry.tag);
    if (entry.version != 1)
      throw FormatError(concat("section ", tag, ": version ", entry.version, " is unknown"));
    if (entry.offset < at || entry.offset > end || entry.length > end - entry.offset ||
        entry.offset % 64 != 0)
      throw FormatError(concat("section ", tag, ": ", entry.length, " bytes at ", entry.offset,
                               " do not fit between the others"));
    expect_zero(file, at, entry.offset);
    at = entry.offset + entry.length;
    sections_.push_back(
        {tag, entry.offset, file.subspan(entry.offset, entry.length), entry.checksum});
  }
  expect_zero(file, at, end);
}

bool SectionReader::has(std::string_view tag) const {
  return std::any_of(sections_.begin(), sections_.end(),
                     [&](const Section& section) { return section.tag == tag; });
}

const Section& SectionReader::section(std::string_view tag) const {
  const Section* found = nullptr;
  for (const Section& section : sections_) {
    if (section.tag != tag) continue;
    if (found != nullptr) throw FormatError(concat("section ", tag, ": there are two"));
    found = &section;
  }
  if (found == nullptr) throw FormatError(concat("section ", tag, ": missing"));
  return *found;
}

void SectionReader::verify(const Section& section) { expect_checksum(section, hash(section.data)); }

void SectionReader::verify_all(const std::function<bool(const Section&)>& chosen,
                               const Stretch& watch) const {
  std::uint64_t all = 0;
  for (const Section& section : sections_)
    if (chosen(section)) all += section.data.size();
  std::uint64_t done = 0;
  for (const Section& section : sections_) {
    if (!chosen(section)) continue;
    expect_checksum(section, hash(section.data, [&](std::size_t bytes) {
                      done += bytes;
                      watch.update(done, all);
                    }));
  }
}

void SectionReader::expect_size(const Section& section, std::uint64_t count, std::uint64_t width) {
  if (section.data.size() % width != 0 || section.data.size() / width != count)
    throw FormatError(concat("section ", section.tag, ": ", section.data.size(),
                             " bytes, expected ", count, " values of ", width));
}

}  // namespace vecinal
