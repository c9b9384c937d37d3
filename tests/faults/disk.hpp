/// A disk that may lose power: keeps what this program does to the files of a folder, and says what
/// may be found there afterwards. What was synced is there; of what was not, each write may be
/// there, be cut short or not be there, whatever became of those before it, and so each new name.
#pragma once

#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "faults/system_calls.hpp"

namespace vecinal::test {

class Disk final : public FileListener {
 public:
  /// Listens as long as it lives, from when the folder is empty.
  explicit Disk(std::filesystem::path folder);
  ~Disk() override { stop(); }
  void stop() { listen(nullptr); }

  /// Counts calls that change or sync something.
  [[nodiscard]] std::size_t now() const { return now_; }

  /// How much of a change that was not synced gets through.
  enum class Fate : std::uint8_t { lost, cut, whole, fates };

  /// Changes that are neither lost nor safe if the power goes at a moment.
  [[nodiscard]] std::size_t open_changes(std::size_t moment) const;

  /// Makes the folder `to` what is found then; fate(i) is that of the i-th open change.
  void restore(std::size_t moment, const std::function<Fate(std::size_t)>& fate,
               const std::filesystem::path& to) const;

  void opened(int file, const char* path) override;
  void wrote(int file, std::uint64_t offset, std::span<const std::byte> data) override;
  void truncated(int file, std::uint64_t bytes) override;
  void synced(int file) override;
  void renamed(const char* from, const char* to) override;

 private:
  static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t no_file = never;

  struct Change {
    enum class Kind : std::uint8_t { write, truncate, create, rename };
    Kind kind;
    std::size_t file = no_file;  ///< its number; none for names
    std::uint64_t offset = 0;    ///< or the length, or the file that a new name is of
    std::string bytes = {};
    std::string name = {};
    std::string new_name = {};
    std::size_t made = 0;
    std::size_t safe = never;
  };

  void add(Change change);
  [[nodiscard]] std::string name_in_folder(const char* path) const;

  std::filesystem::path folder_;
  std::vector<Change> changes_;
  std::map<std::string, std::size_t> names_;  ///< of files, as the program sees them
  std::map<int, std::size_t> open_;           ///< files by descriptor; the folder is no_file
  std::size_t files_ = 0;
  std::size_t now_ = 0;
};

}  // namespace vecinal::test
