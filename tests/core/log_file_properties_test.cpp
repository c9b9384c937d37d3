// Logs against the list of their payloads: whatever was done to one, and however its file was cut
// or damaged, what is read of it are its first records.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/temporary_folder.hpp"
#include "core/log_file.hpp"
#include "support/steps.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

class World {
 public:
  World() { log_->begin(77, 5, 0); }

  void append(unsigned size, unsigned first) {
    std::string payload(size, '\0');
    for (char& byte : payload) byte = static_cast<char>(first++);
    const auto bytes = std::as_bytes(std::span(payload));
    log_->append([&](const LogFile::Sink& sink) {
      sink(bytes.first(size / 3));
      sink(bytes.subspan(size / 3));
    });
    payloads_.push_back(payload);
    last_is_new_ = true;
  }

  void take_back() {
    if (!last_is_new_) return;
    log_->take_back();
    payloads_.pop_back();
    last_is_new_ = false;
  }

  void flush() { log_->flush(); }

  void restart() {
    log_->restart();
    gone_ += payloads_.size();
    payloads_.clear();
    last_is_new_ = false;
  }

  /// By another process, after `torn` bytes of a record that was never finished.
  void open_again(unsigned torn) {
    log_.reset();
    const std::string whole = cli::content_of(file_);
    const std::string text = whole + std::string(torn, 'x');
    folder_.write("a.log", text);
    log_.emplace(file_, LogFile::Durability::on_flush);
    const LogContents contents = read(text);
    RC_ASSERT(contents.torn == torn);
    log_->resume(contents, gone_ + payloads_.size());
    RC_ASSERT(cli::content_of(file_) == whole);
    last_is_new_ = false;
  }

  void check() const {
    const std::string text = cli::content_of(file_);
    const LogContents contents = read(text);
    RC_ASSERT(contents.begun && contents.id == 77U && contents.torn == 0U);
    expect_first(contents, payloads_.size());
    RC_ASSERT(log_->sequence() == gone_ + payloads_.size());
    RC_ASSERT(log_->bytes() == text.size());
  }

  /// At a byte of the file.
  void check_cut(unsigned at) const {
    std::string text = cli::content_of(file_);
    text.resize(at % text.size());
    const LogContents contents = read(text);
    expect_first(contents, contents.records.size());
    RC_ASSERT(contents.end + contents.torn == text.size());
  }

  void check_damaged(unsigned at, unsigned bit) const {
    std::string text = cli::content_of(file_);
    text[at % text.size()] = static_cast<char>(text[at % text.size()] ^ (1 << bit % 8));
    try {
      const LogContents contents = read(text);
      expect_first(contents, contents.records.size());
    } catch (const FormatError&) {
      // It says so.
    }
  }

 private:
  [[nodiscard]] LogContents read(const std::string& text) const {
    return read_log(std::as_bytes(std::span(text)), gone_);
  }

  void expect_first(const LogContents& contents, std::size_t count) const {
    RC_ASSERT(contents.records.size() == count);
    RC_ASSERT(count <= payloads_.size());
    for (std::size_t i = 0; i < count; ++i) {
      const LogRecord& record = contents.records[i];
      RC_ASSERT(record.sequence == gone_ + i + 1);
      RC_ASSERT(std::ranges::equal(record.payload, std::as_bytes(std::span(payloads_[i]))));
    }
  }

  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a.log";
  std::optional<LogFile> log_{std::in_place, file_, LogFile::Durability::on_flush};
  std::vector<std::string> payloads_;
  std::uint64_t gone_ = 0;  ///< records before a restart
  bool last_is_new_ = false;
};

RC_GTEST_PROP(LogProperties, WhatIsReadAreTheFirstRecords, ()) {
  World world;
  for (const auto& [kind, a, b] : *rc::gen::scale(.3, test::steps(8))) {
    if (kind <= 2) world.append(a % 60, b);
    if (kind == 3) world.take_back();
    if (kind == 4) world.flush();
    if (kind == 5 && a % 3 == 0) world.restart();
    if (kind == 6) world.open_again(a % 50);
    if (kind == 7) world.check_cut(a);
    world.check();
    world.check_damaged(a, b);
  }
}

}  // namespace
}  // namespace vecinal
