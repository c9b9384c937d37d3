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

/// Checksums do not depend on how a section is cut into pieces.
TEST(SectionFile, LargeSectionsAreWrittenAndVerifiedPieceByPiece) {
  std::vector<std::uint64_t> large(3'000'000);
  std::iota(large.begin(), large.end(), std::uint64_t{0});
  SectionWriter writer;
  writer.add_array("large", std::span<const std::uint64_t>(large));
  writer.add_array("small", std::span<const std::uint64_t>(large).first(3));
  std::vector<std::byte> bytes;
  bytes.reserve(writer.size());
  std::size_t longest = 0;
  writer.write([&](std::span<const std::byte> piece) {
    longest = std::max(longest, piece.size());
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  });
  EXPECT_LE(longest, std::size_t{1} << 22U);
  const SectionReader reader(bytes);
  reader.verify_all([](const Section&) { return true; }, {});
  for (const Section& section : reader.sections()) SectionReader::verify(section);
  EXPECT_TRUE(std::ranges::equal(reader.array<std::uint64_t>("large", large.size()), large));

  bytes[reader.section("large").offset + 5'000'000] ^= std::byte{1};
  EXPECT_THROW(reader.verify_all([](const Section&) { return true; }, {}), FormatError);
  reader.verify_all([](const Section& section) { return section.tag == "small"; }, {});
}

TEST(SectionFile, WritingAndVerifyingStopWhereTheWatchThrows) {
  const std::vector<std::byte> data(100);
  SectionWriter writer;
  writer.add("data", data);
  const auto bytes = written(writer);
  const Progress stop = [](std::size_t, std::size_t) { return false; };
  ProgressMeter writing(stop, bytes.size());
  std::size_t pieces = 0;
  EXPECT_THROW(writer.write([&](std::span<const std::byte>) { ++pieces; }, Stretch(writing)),
               Cancelled);
  EXPECT_EQ(pieces, 0U) << "checksums come first";
  ProgressMeter verifying(stop, bytes.size());
  EXPECT_THROW(
      SectionReader(bytes).verify_all([](const Section&) { return true; }, Stretch(verifying)),
      Cancelled);
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
