/// A change of an index as one record of a log, and back (docs/file-format.md).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/log_file.hpp"
#include "vecinal/index.hpp"

namespace vecinal {

/// One call that changes an index. Views only.
struct Operation {
  enum class Kind : std::uint32_t {
    train,
    add,
    update,
    remove,
    set_labels,
    set_defaults,
    retrain,
    fit_queries,
    compact,
    keep_tuned,
    refine,
  };
  Kind kind = Kind::compact;
  std::span<const Id> ids = {};
  Batch items = {};    ///< of train: the sample; of set_labels: labels only
  Batch queries = {};  ///< of train, retrain and fit_queries
  /// set_defaults: beam, rerank, candidates, bits of gamma. fit_queries: beam, neighbors.
  /// refine: beam, rounds.
  /// keep_tuned: as set_defaults, then k, items and the bits of target, recall, checked_recall,
  /// checked_low and checked_high.
  std::array<std::uint64_t, 11> numbers = {};
};

[[nodiscard]] Operation operation_of(const SearchDefaults& defaults);
[[nodiscard]] Operation operation_of(const Tuned& tuned);

/// The payload of an operation, for LogFile::append().
void write_operation(const Operation& operation, const LogFile::Sink& sink);

/// The operation of a payload, which it points into. Throws FormatError.
[[nodiscard]] Operation read_operation(const LogRecord& record);

/// Makes the call.
void apply(const Operation& operation, Index& index, const Progress& progress);

}  // namespace vecinal
