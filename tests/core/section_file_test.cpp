#include "core/section_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "support/file_surgery.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

std::vector<std::byte> written(const SectionWriter& writer) {
  std::vector<std::byte> bytes;
  writer.write([&](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  });
  return bytes;
}

TEST(SectionFile, SectionsComeBackAlignedAndVerified) {
  std::vector<std::uint32_t> small = {1, 2, 3};
  std::vector<std::uint64_t> large(20000);
  std::iota(large.begin(), large.end(), std::uint64_t{0});
  SectionWriter writer;
  writer.add_array("small", std::span<const std::uint32_t>(small));
  writer.add_array("large", std::span<const std::uint64_t>(large));
  writer.add("empty", {});
  const auto bytes = written(writer);
  EXPECT_EQ(bytes.size(), writer.size());
  const SectionReader reader(bytes);
  for (const Section& section : reader.sections()) SectionReader::verify(section);
  EXPECT_EQ(reader.section("small").offset % 64, 0U);
  EXPECT_EQ(reader.section("large").offset % 4096, 0U);
  const auto values = reader.array<std::uint64_t>("large", 20000);
  EXPECT_TRUE(std::equal(values.begin(), values.end(), large.begin()));
  EXPECT_THROW((void)reader.array<std::uint64_t>("large", 20001), FormatError);
  EXPECT_THROW((void)reader.section("absent"), FormatError);
}

/// Nothing but the order of the offsets tells: the bytes that no section has are zero.
TEST(SectionFile, SectionsThatShareBytesAreRefused) {
  const std::vector<std::uint32_t> values(16, 7);
  SectionWriter writer;
  writer.add_array("first", std::span<const std::uint32_t>(values));
  writer.add_array("second", std::span<const std::uint32_t>(values));
  auto bytes = written(writer);
  const std::size_t second = SectionReader(bytes).section("second").offset;
  std::memcpy(bytes.data() + test::header_bytes + test::entry_bytes + 16,
              bytes.data() + test::header_bytes + 16, sizeof(std::uint64_t));
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(second), 64, std::byte{0});
  test::repair_checksums(bytes);
  EXPECT_THROW(SectionReader{bytes}, FormatError);
}

TEST(SectionFile, TwoSectionsOfATagAreRefused) {
  const std::vector<std::byte> data(8);
  SectionWriter writer;
  writer.add("twice", data);
  writer.add("twice", data);
  const auto bytes = written(writer);
  EXPECT_THROW((void)SectionReader(bytes).section("twice"), FormatError);
}

}  // namespace
}  // namespace vecinal
