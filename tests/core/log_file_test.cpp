#include "core/log_file.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "cli/temporary_folder.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

using Bytes = std::vector<std::byte>;

Bytes payload(std::size_t size, unsigned first = 1) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(first + i * 7);
  return bytes;
}

class Log : public ::testing::Test {
 protected:
  void append(LogFile& log, const Bytes& bytes) const {
    log.append([&](const LogFile::Sink& sink) {
      sink(std::span(bytes).first(bytes.size() / 2));
      sink(std::span(bytes).subspan(bytes.size() / 2));
    });
  }

  /// A log of records 11, 12, ... with these payloads.
  void write(std::span<const Bytes> payloads,
             LogFile::Durability durability = LogFile::Durability::each) const {
    LogFile log(file_, durability);
    log.begin(77, 5, 10);
    for (const Bytes& bytes : payloads) append(log, bytes);
  }

  [[nodiscard]] Bytes content() const {
    const std::string text = cli::content_of(file_);
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
  }

  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a.log";
};

TEST_F(Log, GivesBackWhatWasAppended) {
  const std::vector<Bytes> payloads = {payload(0), payload(1), payload(8, 9), payload(200'000, 3)};
  write(payloads);
  const Bytes bytes = content();
  const LogContents log = read_log(bytes, 10);
  EXPECT_TRUE(log.begun);
  EXPECT_EQ(log.id, 77U);
  EXPECT_EQ(log.continues, 5U);
  EXPECT_EQ(log.torn, 0U);
  ASSERT_EQ(log.records.size(), payloads.size());
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    EXPECT_EQ(log.records[i].sequence, 11 + i);
    EXPECT_TRUE(std::ranges::equal(log.records[i].payload, payloads[i]));
  }
}

TEST_F(Log, IsCutShortAnywhereAndHasTheRecordsBefore) {
  const std::vector<Bytes> payloads = {payload(8), payload(16), payload(32)};
  write(payloads);
  const Bytes bytes = content();
  const LogContents whole = read_log(bytes, 10);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const LogContents log = read_log(std::span(bytes).first(length), 10);
    std::size_t expected = 0;
    for (std::size_t i = 0; i < whole.records.size(); ++i) {
      const std::uint64_t end =
          i + 1 < whole.records.size() ? whole.records[i + 1].offset : whole.end;
      expected += end <= length ? 1U : 0U;
    }
    EXPECT_EQ(log.records.size(), expected) << length;
    EXPECT_EQ(log.begun, length >= 64) << length;
    EXPECT_EQ(log.end + log.torn, length) << length;
    // And the same where the disk had made room for what was not written.
    Bytes zeros = bytes;
    std::fill(zeros.begin() + static_cast<std::ptrdiff_t>(length), zeros.end(), std::byte{0});
    if (length >= 64) {
      EXPECT_EQ(read_log(zeros, 10).records.size(), expected) << length;
    }
  }
}

TEST_F(Log, EveryFlippedBitOfARecordThatWasWholeIsRefused) {
  const std::vector<Bytes> payloads = {payload(5), payload(16), payload(9)};
  write(payloads);
  Bytes bytes = content();
  const std::uint64_t last = read_log(bytes, 10).records.back().offset;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    if (bit / 8 < last)
      EXPECT_THROW((void)read_log(bytes, 10), FormatError) << "bit " << bit;
    else
      EXPECT_EQ(read_log(bytes, 10).records.size(), 2U) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
}

TEST_F(Log, WhatWasNotFlushedMayGoInAnyOrder) {
  const std::vector<Bytes> payloads = {payload(5), payload(16), payload(9)};
  write(payloads, LogFile::Durability::on_flush);
  Bytes bytes = content();
  const LogContents whole = read_log(bytes, 10);
  bytes[whole.records[1].offset + 41] ^= std::byte{1};
  const LogContents log = read_log(bytes, 10);
  EXPECT_EQ(log.records.size(), 1U);
  EXPECT_EQ(log.torn, whole.end - whole.records[1].offset);
  bytes[whole.records[0].offset + 41] ^= std::byte{1};
  EXPECT_EQ(read_log(bytes, 10).records.size(), 0U);
}

TEST_F(Log, FlushedRecordsMayNotGo) {
  {
    LogFile log(file_, LogFile::Durability::on_flush);
    log.begin(77, 5, 10);
    append(log, payload(5));
    log.flush();
    append(log, payload(16));
    append(log, payload(9));
  }
  Bytes bytes = content();
  const LogContents whole = read_log(bytes, 10);
  bytes[whole.records[0].offset + 41] ^= std::byte{1};
  EXPECT_THROW((void)read_log(bytes, 10), FormatError);
}

/// The zeros after a payload are part of its record.
TEST_F(Log, IsCutShortWithinTheZerosToo) {
  write(std::vector<Bytes>{payload(8), payload(9)});
  const Bytes bytes = content();
  const std::uint64_t begin = read_log(bytes, 10).records[1].offset;
  for (std::size_t missing = 1; missing < 8; ++missing) {
    const LogContents log = read_log(std::span(bytes).first(bytes.size() - missing), 10);
    EXPECT_EQ(log.records.size(), 1U) << missing;
    EXPECT_EQ(log.end, begin) << missing;
  }
}

/// Records of two logs of one id, as a copy that went on alone would leave them.
TEST_F(Log, RecordsThatDoNotFollowEachOtherAreRefused) {
  write(std::vector<Bytes>{payload(8), payload(16)});
  const Bytes first = content();
  const std::uint64_t second = read_log(first, 10).records[1].offset;
  const auto begin = first.begin() + static_cast<std::ptrdiff_t>(second);
  for (const auto& [from, to] : {std::pair{begin, first.end()}, {first.begin() + 64, begin}}) {
    Bytes bytes = first;
    bytes.insert(bytes.end(), from, to);  // 11, 12 and then 12 or 11 once more
    EXPECT_THROW((void)read_log(bytes, 10), FormatError);
  }
  Bytes bytes(first.begin(), first.begin() + 64);
  bytes.insert(bytes.end(), begin, first.end());
  EXPECT_EQ(read_log(bytes, 11).records.front().sequence, 12U);
}

TEST_F(Log, GoesOnAfterWhatWasTorn) {
  write(std::vector<Bytes>{payload(5), payload(16)});
  Bytes bytes = content();
  std::filesystem::resize_file(file_, bytes.size() - 3);
  bytes.erase(bytes.end() - 3, bytes.end());
  {
    LogFile log(file_, LogFile::Durability::each);
    log.resume(read_log(bytes, 10), 11);
    append(log, payload(9, 4));
  }
  const Bytes after = content();
  const LogContents log = read_log(after, 10);
  ASSERT_EQ(log.records.size(), 2U);
  EXPECT_EQ(log.records[1].sequence, 12U);
  EXPECT_TRUE(std::ranges::equal(log.records[1].payload, payload(9, 4)));
}

TEST_F(Log, TakesBackItsLastRecordAndRestarts) {
  LogFile log(file_, LogFile::Durability::each);
  log.begin(77, 5, 10);
  append(log, payload(5));
  const Bytes before = content();
  append(log, payload(50));
  log.take_back();
  EXPECT_EQ(content(), before);
  EXPECT_EQ(log.sequence(), 11U);
  log.restart();
  EXPECT_EQ(content().size(), 64U);
  append(log, payload(7));
  const Bytes bytes = content();
  ASSERT_EQ(read_log(bytes, 11).records.size(), 1U);
  EXPECT_EQ(read_log(bytes, 11).records[0].sequence, 12U);
}

TEST_F(Log, IsOpenOnce) {
  LogFile log(file_, LogFile::Durability::each);
  try {
    const LogFile again(file_, LogFile::Durability::each);
    FAIL() << "opened twice";
  } catch (const std::filesystem::filesystem_error& error) {
    EXPECT_EQ(error.code(), std::errc::operation_would_block);
    EXPECT_EQ(error.path1(), file_);
  }
  log.close();
  const LogFile again(file_, LogFile::Durability::each);
  EXPECT_THROW(append(log, payload(1)), std::invalid_argument);
}

TEST_F(Log, AFailedPayloadLeavesNothing) {
  LogFile log(file_, LogFile::Durability::each);
  log.begin(77, 5, 10);
  append(log, payload(5));
  const Bytes before = content();
  int calls = 0;
  EXPECT_THROW(log.append([&](const LogFile::Sink& sink) {
    sink(payload(100'000));
    if (++calls == 2) throw std::bad_alloc();
  }),
               std::bad_alloc);
  EXPECT_EQ(content(), before);
  append(log, payload(6));
  const Bytes bytes = content();
  EXPECT_EQ(read_log(bytes, 10).records.size(), 2U);
}

TEST(ReadLog, RefusesWhatIsNone) {
  EXPECT_FALSE(read_log({}, 0).begun);
  EXPECT_EQ(read_log(payload(64), 0).torn, 64U);  // it was being begun
  EXPECT_THROW((void)read_log(payload(65), 0), FormatError);
}

}  // namespace
}  // namespace vecinal
