#include "core/file_io.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <thread>
#include <vector>

#include "cli/temporary_folder.hpp"

namespace vecinal {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

class FileIo : public ::testing::Test {
 protected:
  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a";
};

TEST_F(FileIo, OpensAsAsked) {
  EXPECT_THROW(File(file_, File::Open::existing), std::filesystem::filesystem_error);
  File(file_, File::Open::create).write_at(2, bytes_of("text"));
  EXPECT_THROW(File(file_, File::Open::create), std::filesystem::filesystem_error);
  EXPECT_EQ(File(file_, File::Open::always).size(), 6U);
  EXPECT_EQ(File(file_, File::Open::existing).size(), 6U);
  std::filesystem::create_symlink(file_, folder_ / "link");
  EXPECT_EQ(File(folder_ / "link", File::Open::always).size(), 6U);
  EXPECT_THROW(File(folder_ / "link", File::Open::existing), std::filesystem::filesystem_error);
}

TEST_F(FileIo, AFileThatWasMovedOutOfIsClosedOnce) {
  File from(file_, File::Open::create);
  from.lock();
  {
    const File to(std::move(from));
    EXPECT_FALSE(File(file_, File::Open::existing).try_lock());
  }
  EXPECT_TRUE(File(file_, File::Open::existing).try_lock());
}

TEST_F(FileIo, KnowsWhetherItsPathLeadsToItStill) {
  const File file(file_, File::Open::create);
  EXPECT_TRUE(file.is_there());
  std::filesystem::rename(file_, folder_ / "b");
  EXPECT_FALSE(file.is_there());
  folder_.write("a", "another");
  EXPECT_FALSE(file.is_there());
}

TEST_F(FileIo, WriterJoinsSmallPiecesAndKeepsTheirOrder) {
  std::string expected(3, '\0');
  File file(file_, File::Open::create);
  std::array<std::byte, 16> buffer{};
  FileWriter writer(file, 3, buffer);
  for (std::size_t size : {5U, 11U, 0U, 1U, 16U, 17U, 40U, 3U}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    writer.put(bytes_of(piece));
    expected += piece;
  }
  writer.flush();
  EXPECT_EQ(cli::content_of(file_), expected);
}

TEST_F(FileIo, ReplacingKeepsTheModeOfTheFile) {
  const auto replace = [&](const std::string& text) {
    replace_file(file_, [&](const auto& sink) { sink(bytes_of(text)); });
  };
  replace("old");
  const auto mode = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  std::filesystem::permissions(file_, mode);
  replace("new");
  EXPECT_EQ(cli::content_of(file_), "new");
  EXPECT_EQ(std::filesystem::status(file_).permissions(), mode);
}

TEST_F(FileIo, NamesWithoutAFolderAreInTheCurrentOne) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  replace_file("a", [](const auto& sink) { sink(bytes_of("text")); });
  std::filesystem::current_path(before);
  EXPECT_EQ(cli::content_of(file_), "text");
}

/// Each call waits for the one that has the temporary file, and the file is of one of them, whole.
TEST_F(FileIo, ReplacementsAtOnceFollowEachOther) {
  constexpr std::size_t times = 40;
  const auto replace = [&](char letter) {
    for (std::size_t i = 0; i < times; ++i)
      replace_file(file_, [&](const auto& sink) { sink(bytes_of(std::string(100, letter))); });
  };
  {
    const std::jthread first(replace, 'a');
    const std::jthread second(replace, 'b');
  }
  const std::string text = cli::content_of(file_);
  EXPECT_EQ(text, std::string(100, text.front()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(FileIo, OnlyPlainFilesAreViewed) {
  const auto reason = [](const std::filesystem::path& file) {
    try {
      (void)FileView(file);
    } catch (const std::filesystem::filesystem_error& error) {
      return error.code().value();
    }
    return 0;
  };
  EXPECT_EQ(reason(file_), ENOENT);
  EXPECT_EQ(reason(folder_.path()), EISDIR);
  EXPECT_EQ(reason("/dev/null"), EINVAL);
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(reason(folder_ / "pipe"), EINVAL);
  folder_.write("a", "");
  EXPECT_TRUE(FileView(file_).bytes().empty());
  folder_.write("a", "text");
  EXPECT_EQ(FileView(file_).bytes().size(), 4U);
}

}  // namespace
}  // namespace vecinal
