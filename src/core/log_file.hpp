/// A file of records that are written one after the other, each of which is there or is not after
/// any crash (docs/file-format.md). Knows bytes and their order, not what the records mean. What is
/// read is untrusted: nothing is allocated on its word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/file_io.hpp"

namespace vecinal {

struct LogRecord {
  std::uint64_t sequence = 0;  ///< the number of the record, counted through all logs of an index
  std::uint64_t offset = 0;    ///< where it begins
  std::span<const std::byte> payload;  ///< starts at a multiple of 8 bytes of the file
};

/// What the bytes of a log say, as views of them.
struct LogContents {
  bool begun = false;           ///< there is a header
  std::uint64_t id = 0;         ///< of the log
  std::uint64_t continues = 0;  ///< what it was begun on, as its owner named it
  std::vector<LogRecord> records;
  std::uint64_t end = 0;   ///< of the last record
  std::uint64_t torn = 0;  ///< bytes after it: a record whose writing was cut short
};

/// Throws FormatError (naming the offset) if records after number `known` are damaged that were
/// once whole.
[[nodiscard]] LogContents read_log(std::span<const std::byte> bytes, std::uint64_t known);

class LogFile {
 public:
  enum class Durability : std::uint8_t {
    each,      ///< a record is on the disk when append() returns
    on_flush,  ///< after flush(); before it a crash of the machine may take it, one of the process
               ///< does not
  };

  /// Opens a log or makes an empty one, and takes its lock. Throws
  /// std::filesystem::filesystem_error; errc::operation_would_block if another has it.
  LogFile(const std::filesystem::path& file, Durability durability);

  /// Begins anew, without records. The next one gets the number sequence + 1.
  void begin(std::uint64_t id, std::uint64_t continues, std::uint64_t sequence);

  /// Goes on from what was read: cuts off what was torn. The next record gets the number
  /// sequence + 1.
  void resume(const LogContents& contents, std::uint64_t sequence);

  /// Calls its argument with the pieces of a payload; is itself called twice, with the same ones.
  using Sink = std::function<void(std::span<const std::byte>)>;
  using Payload = std::function<void(const Sink&)>;

  /// Adds a record: whole, or not at all if it throws. After a sync that failed, or a failure that
  /// could not be undone, this and flush() always throw.
  void append(const Payload& payload);

  /// The last record that was appended shall not count.
  void take_back() noexcept;

  void flush();

  /// Forgets all records; the next one goes on counting.
  void restart();

  /// Gives the lock back. append() then throws std::invalid_argument.
  void close();
  [[nodiscard]] bool closed() const { return !file_; }
  void refuse_closed() const;

  /// Whether it takes no more records since something failed.
  [[nodiscard]] bool broken() const { return broken_; }

  /// Of the last record that may be in the file.
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::uint64_t bytes() const { return end_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  void refuse_unusable() const;
  /// Cuts the file to its first bytes. If that fails, or if what is on the disk is not known any
  /// more, the log takes no more records.
  void cut(std::uint64_t bytes) noexcept;
  void sync();

  std::filesystem::path path_;
  std::optional<File> file_;  ///< none once closed
  Durability durability_;
  std::vector<std::byte> buffer_;
  std::uint64_t id_ = 0;
  std::uint64_t end_ = 0;       ///< of the last record
  std::uint64_t last_ = 0;      ///< where it begins
  std::uint64_t sequence_ = 0;  ///< of it
  std::uint64_t durable_ = 0;   ///< the last record that is on the disk for certain
  bool broken_ = false;
};

}  // namespace vecinal
