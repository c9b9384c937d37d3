// A log where the system says no: an append that fails leaves no trace, or the log takes no more.
#include "core/log_file.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "cli/temporary_folder.hpp"
#include "faults/system_calls.hpp"

namespace vecinal {
namespace {

using Bytes = std::vector<std::byte>;
using Durability = LogFile::Durability;
using std::filesystem::filesystem_error;
using test::Call;
using test::FailingCall;

class FailingLog : public ::testing::Test {
 protected:
  LogFile& begin(Durability durability) {
    log_.emplace(file_, durability);
    log_->begin(77, 5, 10);
    return *log_;
  }

  void append() { append(*log_); }
  static void append(LogFile& log) {
    log.append([](const LogFile::Sink& sink) { sink(Bytes(13, std::byte{7})); });
  }

  [[nodiscard]] Bytes content() const {
    const std::string text = cli::content_of(file_);
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
  }

  /// What may be on the disk is not known: nothing is acknowledged any more.
  void expect_takes_no_more() {
    EXPECT_TRUE(log_->broken());
    const Bytes before = content();
    EXPECT_THROW(append(), filesystem_error);
    EXPECT_THROW(log_->flush(), filesystem_error);
    EXPECT_THROW(log_->restart(), filesystem_error);
    EXPECT_EQ(content(), before);
  }

  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a.log";
  std::optional<LogFile> log_;
};

TEST_F(FailingLog, ARecordThatCouldNotBeWrittenLeavesNoTrace) {
  begin(Durability::each);
  append();
  const Bytes before = content();
  {
    const FailingCall cut(Call::pwrite, test::cut_short);
    const FailingCall full(Call::ftruncate, EINTR);  // is tried again
    append();
  }
  log_->take_back();
  EXPECT_EQ(content(), before);
  {
    const FailingCall failing(Call::pwrite, ENOSPC);
    EXPECT_THROW(append(), filesystem_error);
  }
  EXPECT_EQ(content(), before);
  EXPECT_FALSE(log_->broken());
  EXPECT_EQ(log_->sequence(), 11U);
  append();
  EXPECT_EQ(read_log(content(), 10).records.size(), 2U);
}

TEST_F(FailingLog, ARecordThatDidNotReachTheDiskIsTheLast) {
  begin(Durability::each);
  append();
  const Bytes before = content();
  const FailingCall failing(Call::fdatasync, EIO);
  EXPECT_THROW(append(), filesystem_error);
  EXPECT_EQ(content(), before);
  EXPECT_EQ(log_->sequence(), 12U) << "it may still be on the disk";
  expect_takes_no_more();
}

TEST_F(FailingLog, ARecordThatCouldNotBeCutOffIsTheLast) {
  begin(Durability::each);
  append();
  {
    const FailingCall full(Call::pwrite, ENOSPC);
    const FailingCall failing(Call::ftruncate, EIO);
    EXPECT_THROW(append(), filesystem_error);
  }
  EXPECT_EQ(log_->sequence(), 12U);
  expect_takes_no_more();
}

TEST_F(FailingLog, ARecordThatCouldNotBeTakenBackIsTheLast) {
  for (const Call call : {Call::ftruncate, Call::fdatasync}) {
    begin(Durability::each);
    append();
    append();
    const FailingCall failing(call, EIO);
    log_->take_back();
    EXPECT_TRUE(failing.happened());
    EXPECT_EQ(log_->sequence(), 12U);
    expect_takes_no_more();
    log_.reset();
  }
}

/// Until flush() nobody was promised anything, so there is nothing to wait for.
TEST_F(FailingLog, WhatIsFlushedLaterIsSyncedOnlyThen) {
  begin(Durability::on_flush);
  {
    const FailingCall failing(Call::fdatasync, EIO);
    append();
    const Bytes before = content();
    append();
    log_->take_back();
    EXPECT_EQ(content(), before);
    EXPECT_FALSE(failing.happened());
  }
  log_->flush();
  {
    const FailingCall failing(Call::fdatasync, EIO);
    log_->flush();
    EXPECT_FALSE(failing.happened()) << "all of it is on the disk";
    append();
    EXPECT_THROW(log_->flush(), filesystem_error);
  }
  expect_takes_no_more();
}

TEST_F(FailingLog, ALogThatCouldNotBeBegunIsBegunLater) {
  for (const Call call : {Call::ftruncate, Call::pwrite, Call::fdatasync, Call::fsync}) {
    log_.reset();
    {
      const FailingCall failing(call, EIO);
      EXPECT_THROW(begin(Durability::each), filesystem_error);
    }
    log_.reset();
    begin(Durability::each);
    append();
    EXPECT_EQ(read_log(content(), 10).records.size(), 1U);
  }
}

TEST_F(FailingLog, ATornEndThatCouldNotBeCutOffIsCutOffLater) {
  begin(Durability::each);
  append();
  append();
  log_.reset();
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) - 1);
  const Bytes torn = content();
  for (const Call call : {Call::ftruncate, Call::fdatasync}) {
    LogFile log(file_, Durability::each);
    const FailingCall failing(call, EIO);
    EXPECT_THROW(log.resume(read_log(torn, 10), 11), filesystem_error);
  }
  LogFile log(file_, Durability::each);
  log.resume(read_log(torn, 10), 11);
  append(log);
  const Bytes whole = content();
  EXPECT_EQ(read_log(whole, 10).records.size(), 2U);
}

TEST_F(FailingLog, RestartingMayFailAndLeavesTheRecords) {
  begin(Durability::each);
  append();
  {
    const FailingCall failing(Call::ftruncate, EIO);
    EXPECT_THROW(log_->restart(), filesystem_error);
  }
  EXPECT_FALSE(log_->broken());
  append();
  EXPECT_EQ(read_log(content(), 10).records.size(), 2U);
  {
    const FailingCall failing(Call::fdatasync, EIO);
    EXPECT_THROW(log_->restart(), filesystem_error);
  }
  expect_takes_no_more();
}

TEST_F(FailingLog, AFileThatCannotBeOpenedOrLockedIsToldOf) {
  for (const Call call : {Call::open, Call::flock}) {
    const FailingCall failing(call, EIO);
    try {
      const LogFile log(file_, Durability::each);
      ADD_FAILURE() << "opened";
    } catch (const filesystem_error& error) {
      EXPECT_EQ(error.code().value(), EIO);
    }
  }
}

}  // namespace
}  // namespace vecinal
