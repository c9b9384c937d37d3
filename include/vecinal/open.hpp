/// An index that lives in a file: what a call has changed is on the disk when it returns.
///
///   auto index = vecinal::open_index("items.vcn", {.dim = 384, .metric =
///   vecinal::Metric::cosine}); index->add({rows.data(), n, 384});  // survives whatever happens
///   from here on index->checkpoint();                // now and then: the file written anew, the
///   log emptied
///
/// Beside the index file lies a log, its name and ".log". A change is first written there as one
/// record, and only then made; open_index() loads the file and makes the changes of the log again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "vecinal/index.hpp"

namespace vecinal {

/// When a change is on the disk. each: when its call returns. on_flush: when flush() or
/// checkpoint() does; until then a crash of the machine may undo the last changes, in the order
/// they were made, while one of the process undoes none.
enum class Sync : std::uint8_t { each, on_flush };

struct OpenOptions {
  Sync sync = Sync::each;
  bool map = false;    ///< as LoadOptions::map
  bool verify = true;  ///< as LoadOptions::verify
  /// Told of the bytes of the file, as LoadOptions::progress, and then of those of the log, as its
  /// changes are made again. Returning false cancels: the files stay as they are.
  Progress progress = {};
};

/// What waits in a log for the next checkpoint.
struct LogInfo {
  std::uint64_t records = 0;  ///< changes that the index file does not have
  std::uint64_t bytes = 0;    ///< length of the log
  std::uint64_t torn = 0;     ///< bytes at its end that were dropped when it was opened: a change
                              ///< that was being written when the process or machine went down, and
                              ///< whose call therefore never returned
};

/// An index whose mutating calls (train, add, update, retrain, fit_queries, refine, remove,
/// compact, set_labels, set_defaults) are all or nothing on the disk too. They throw, besides what
/// Index says, std::filesystem::filesystem_error (path and reason) if the log cannot be written:
/// then nothing has changed, in memory or on the disk. After a sync that failed nobody knows what
/// the disk holds: they throw until the index is opened again. The index itself goes on answering.
class LoggedIndex : public Index {
 public:
  /// Writes the index file anew, atomically, and empties the log, which otherwise grows for ever.
  /// Searches go on, changes wait. save() with the path that was opened does the same; with another
  /// one it writes a copy. progress as of save(); after Cancelled file and log are as they were.
  virtual void checkpoint(const Progress& progress = {}) = 0;

  /// On return all changes are on the disk. Of use with Sync::on_flush only.
  virtual void flush() = 0;

  /// flush(), and lets go of the log: another process can open the index. Searches go on, changes
  /// throw std::invalid_argument. The destructor does it without the flush.
  virtual void close() = 0;

  [[nodiscard]] virtual LogInfo log() const = 0;
};

/// Opens the index of a file, or makes one of the config if there is none. Of the config of a file
/// that is there: dim = 0 takes what it finds; otherwise what is saved of a config must be the
/// same. threads, device and memory_limit are the config's. A plain index file, written by save(),
/// can be opened; load_index() of the file sees it as it was at the last checkpoint.
///
/// One index at a time: throws std::filesystem::filesystem_error with
/// errc::operation_would_block if the index is open already, here or in another process. Throws
/// FormatError if the file or the log is damaged or one does not belong to the other (section or
/// byte, and reason), std::invalid_argument if the config is another, Cancelled, and
/// std::filesystem::filesystem_error; the files then stay as they are.
[[nodiscard]] std::unique_ptr<LoggedIndex> open_index(const std::filesystem::path& file,
                                                      const Config& config = {},
                                                      const OpenOptions& options = {});

}  // namespace vecinal
