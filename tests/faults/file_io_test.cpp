// Files where the system says no: each call is named with its reason, what was there stays, and
// what a call began goes away with it. tests/faults/crash_test.py does the same to whole processes.
#include "core/file_io.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <vector>

#include "cli/temporary_folder.hpp"
#include "faults/system_calls.hpp"

namespace vecinal {
namespace {

using test::Call;
using test::FailingCall;

std::vector<std::byte> bytes(const std::string& text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

template <class Action>
void expect_fails(const char* what, const std::filesystem::path& file, int reason,
                  const Action& action) {
  try {
    action();
    ADD_FAILURE() << what << ": nothing was thrown";
  } catch (const std::filesystem::filesystem_error& error) {
    EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    EXPECT_EQ(error.path1(), file) << what;
    EXPECT_EQ(error.code().value(), reason) << what;
  }
}

class FailingFile : public ::testing::Test {
 protected:
  void replace(const std::string& text) const {
    replace_file(file_, [&](const auto& sink) { sink(bytes(text)); });
  }

  /// Nothing but the file is there, and it says so.
  void expect_is(const std::string& text) const {
    EXPECT_EQ(cli::content_of(file_), text);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
  }

  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a";
  std::filesystem::path temporary_ = folder_ / "a.saving";
};

TEST_F(FailingFile, CallsThatASignalInterruptsAreMadeAgain) {
  replace("old");
  for (const Call call : {Call::open, Call::pwrite, Call::flock}) {
    const std::string text = "new " + std::to_string(static_cast<int>(call));
    const FailingCall failing(call, EINTR);
    replace(text);
    EXPECT_TRUE(failing.happened());
    expect_is(text);
  }
  {
    const FailingCall failing(Call::open, EINTR);
    EXPECT_EQ(FileView(file_).bytes().size(), 5U);
  }
  File file(file_, File::Open::existing);
  {
    const FailingCall failing(Call::ftruncate, EINTR);
    file.truncate(2);
  }
  {
    const FailingCall failing(Call::flock, EINTR);
    EXPECT_TRUE(file.try_lock());
  }
  {
    const FailingCall failing(Call::open, EINTR);
    sync_folder_of(file_);
  }
  expect_is("ne");
}

TEST_F(FailingFile, WritesThatAreCutShortGoOn) {
  const FailingCall failing(Call::pwrite, test::cut_short);
  replace("0123456789");
  EXPECT_TRUE(failing.happened());
  expect_is("0123456789");
}

TEST_F(FailingFile, AReplacementThatFailsLeavesTheOldFileAlone) {
  replace("old");
  struct Fault {
    Call call;
    const char* what;
    std::filesystem::path file;
  };
  for (const auto& [call, what, file] :
       {Fault{Call::open, "open", temporary_}, Fault{Call::flock, "lock", temporary_},
        Fault{Call::fstat, "stat", temporary_}, Fault{Call::fchmod, "chmod", temporary_},
        Fault{Call::pwrite, "write", temporary_}, Fault{Call::fdatasync, "sync", temporary_},
        Fault{Call::rename, "rename", file_}}) {
    const FailingCall failing(call, EIO);
    expect_fails(what, file, EIO, [&] { replace("new"); });
    expect_is("old");
  }
}

TEST_F(FailingFile, AReplacementThatHasItsNameSaysThatItMayNotLast) {
  {
    const FailingCall failing(Call::close, EIO);
    expect_fails("close", temporary_, EIO, [&] { replace("one"); });
  }
  expect_is("one");
  {
    const FailingCall failing(Call::fsync, EIO);
    expect_fails("sync", folder_.path(), EIO, [&] { replace("two"); });
  }
  expect_is("two");
  {
    const FailingCall failing(Call::open, EMFILE, 2);
    expect_fails("open", folder_.path(), EMFILE, [&] { replace("three"); });
  }
  expect_is("three");
}

TEST_F(FailingFile, WhatAKilledProcessLeftIsNotWrittenTo) {
  folder_.write("a.saving", "left");
  std::filesystem::create_hard_link(temporary_, folder_ / "kept");
  replace("new");
  EXPECT_EQ(cli::content_of(file_), "new");
  EXPECT_EQ(cli::content_of(folder_ / "kept"), "left");
  EXPECT_FALSE(std::filesystem::exists(temporary_));
}

/// Another call may take, rename or remove a temporary file at any moment.
TEST_F(FailingFile, ATemporaryFileThatIsGoneIsMadeAgain) {
  for (const int reason : {ENOENT, test::other_disk}) {
    const FailingCall failing(Call::lstat, reason);  // after it was made
    replace("one");
    EXPECT_TRUE(failing.happened());
    expect_is("one");
  }
  folder_.write("a.saving", "left");
  {
    const FailingCall failing(Call::open, ENOENT, 2);  // after it was found
    replace("two");
    EXPECT_TRUE(failing.happened());
    expect_is("two");
  }
  folder_.write("a.saving", "left");
  {
    const FailingCall failing(Call::lstat, ENOENT);  // after it was waited for
    replace("three");
    EXPECT_TRUE(failing.happened());
    expect_is("three");
  }
}

TEST_F(FailingFile, ATemporaryFileThatCannotBeTakenIsToldOf) {
  replace("old");
  folder_.write("a.saving", "left");
  {
    const FailingCall failing(Call::open, EACCES, 2);
    expect_fails("open", temporary_, EACCES, [&] { replace("new"); });
  }
  {
    const FailingCall failing(Call::flock, EIO);
    expect_fails("lock", temporary_, EIO, [&] { replace("new"); });
  }
  std::filesystem::remove(temporary_);
  std::filesystem::create_symlink(file_, temporary_);
  expect_fails("open", temporary_, ELOOP, [&] { replace("new"); });
  EXPECT_EQ(cli::content_of(file_), "old");
}

TEST_F(FailingFile, FileSystemsWithoutLocksAreUsedWithoutThem) {
  replace("text");
  File file(file_, File::Open::existing);
  for (const int reason : {ENOSYS, EOPNOTSUPP, ENOLCK}) {
    {
      const FailingCall failing(Call::flock, reason);
      file.lock();
      EXPECT_TRUE(failing.happened());
    }
    const FailingCall failing(Call::flock, reason);
    EXPECT_TRUE(file.try_lock());
    EXPECT_TRUE(failing.happened());
  }
  const FailingCall failing(Call::flock, EIO);
  expect_fails("lock", file_, EIO, [&] { (void)file.try_lock(); });
}

TEST_F(FailingFile, CallsOnAnOpenFileTellWhyTheyFailed) {
  replace("text");
  File file(file_, File::Open::existing);
  EXPECT_EQ(file.size(), 4U);
  {
    const FailingCall failing(Call::fstat, EIO);
    expect_fails("stat", file_, EIO, [&] { (void)file.size(); });
  }
  {
    const FailingCall failing(Call::ftruncate, EFBIG);
    expect_fails("truncate", file_, EFBIG, [&] { file.truncate(9); });
  }
  EXPECT_EQ(file.size(), 4U);
}

TEST_F(FailingFile, ViewsTellWhyThereAreNone) {
  replace("text");
  for (const auto& [call, what] : {std::pair{Call::open, "open"}, std::pair{Call::fstat, "open"},
                                   std::pair{Call::mmap, "mmap"}}) {
    const FailingCall failing(call, ENOMEM);
    expect_fails(what, file_, ENOMEM, [&] { (void)FileView(file_); });
  }
  EXPECT_EQ(FileView(file_).bytes().size(), 4U);
}

}  // namespace
}  // namespace vecinal
