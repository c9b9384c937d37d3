/// Files: writing to one, replacing one atomically, and looking at one without reading it. Every
/// system call on a file that is written is made here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

namespace vecinal {

/// A file open for writing, which closes itself. Every failure is a
/// std::filesystem::filesystem_error with what was done, the path and the reason.
class File {
 public:
  enum class Open : std::uint8_t {
    existing,  ///< as it is; no symbolic link
    always,    ///< and is made if it is not there
    create,    ///< fails if it is there
  };
  File(std::filesystem::path file, Open how);
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&&) = delete;

  /// Writes all.
  void write_at(std::uint64_t offset, std::span<const std::byte> data);
  void truncate(std::uint64_t bytes);

  /// On return what was written is on the disk. After a failure it may never be, whatever later
  /// calls say: nobody may try again.
  void sync();
  void close();

  /// Takes the lock of the file, which no other File may have; waits for it, or says whether it
  /// could. It goes with the File. Where the file system has no locks, everyone gets it.
  void lock();
  [[nodiscard]] bool try_lock();

  [[nodiscard]] std::uint64_t size() const;
  void set_mode(unsigned mode);

  /// True if the path still leads to this file.
  [[nodiscard]] bool is_there() const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int number_ = -1;
};

/// Writes pieces one after the other, small ones together.
class FileWriter {
 public:
  static constexpr std::size_t buffer_bytes = 65536;

  FileWriter(File& file, std::uint64_t offset, std::span<std::byte> buffer)
      : file_(file), offset_(offset), buffer_(buffer) {}

  void put(std::span<const std::byte> piece);
  void flush();

 private:
  void write(std::span<const std::byte> bytes);

  File& file_;
  std::uint64_t offset_;
  std::span<std::byte> buffer_;
  std::size_t used_ = 0;
};

/// Makes the names in the folder of a file durable. Throws std::filesystem::filesystem_error.
void sync_folder_of(const std::filesystem::path& file);

/// Writes through `fill` to a temporary file beside `file` (its name and ".saving"), syncs it,
/// renames it over `file` and syncs the folder: after any failure the old file is whole and the
/// temporary one gone. One that a process left which was killed goes with the next call; calls for
/// the same file wait for each other. Throws std::filesystem::filesystem_error.
void replace_file(
    const std::filesystem::path& file,
    const std::function<void(const std::function<void(std::span<const std::byte>)>& sink)>& fill);

/// A file mapped read-only. Throws std::filesystem::filesystem_error.
class FileView {
 public:
  explicit FileView(const std::filesystem::path& file);
  ~FileView();
  FileView(const FileView&) = delete;
  FileView& operator=(const FileView&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  std::span<const std::byte> bytes_;
};

}  // namespace vecinal
