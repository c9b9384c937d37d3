#include "index/log_record.hpp"

#include <algorithm>
#include <bit>
#include <iterator>

#include "core/concat.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

/// What a payload begins with; the arrays follow in this order, those of floats last.
struct Start {
  std::uint32_t kind;
  std::uint32_t reserved;
  std::uint64_t dim;        ///< of the items' vectors
  std::uint64_t query_dim;  ///< of the queries' vectors
  std::uint64_t ids;
  std::uint64_t offsets;
  std::uint64_t labels;
  std::uint64_t label_offsets;
  std::uint64_t query_offsets;
  std::uint64_t rows;
  std::uint64_t query_rows;
  std::uint64_t numbers[11];
};
static_assert(sizeof(Start) == 168);
static_assert(sizeof(std::size_t) == 8, "offsets are kept as they are in memory");

void write_rows(const Batch& batch, const LogFile::Sink& sink) {
  const auto write = [&](const float* values, std::size_t count) {
    if (count != 0) sink(std::as_bytes(std::span(values, count)));
  };
  if (batch.stride == 0 || batch.stride == batch.dim) {
    write(batch.data, batch.count * batch.dim);
    return;
  }
  for (std::size_t i = 0; i < batch.count; ++i) write(batch.row(i), batch.dim);
}

/// Takes arrays off the front of a payload.
class Reader {
 public:
  explicit Reader(const LogRecord& record) : record_(record), rest_(record.payload) {}

  template <class T>
  std::span<const T> take(std::uint64_t count) {
    if (count > rest_.size() / sizeof(T))
      fail(concat("has no room for ", count, " values of ", sizeof(T), " bytes"));
    const std::span<const T> values{reinterpret_cast<const T*>(rest_.data()),
                                    static_cast<std::size_t>(count)};
    rest_ = rest_.subspan(values.size_bytes());
    return values;
  }

  std::span<const float> take_rows(std::uint64_t rows, std::uint64_t dim) {
    if (dim != 0 && rows > rest_.size() / sizeof(float) / dim)
      fail(concat("has no room for ", rows, " vectors of ", dim, " dims"));
    return take<float>(rows * dim);
  }

  void expect_end() const {
    if (!rest_.empty()) fail(concat("has ", rest_.size(), " bytes too many"));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(
        concat("log: record ", record_.sequence, " at byte ", record_.offset, " ", what));
  }

 private:
  const LogRecord& record_;
  std::span<const std::byte> rest_;
};

SearchDefaults defaults_of(const Operation& operation) {
  const auto& numbers = operation.numbers;
  return {.beam = numbers[0],
          .rerank = numbers[1],
          .candidates = numbers[2],
          .gamma = std::bit_cast<float>(static_cast<std::uint32_t>(numbers[3]))};
}

/// Of the revision that the index has now: the log has only what was kept.
Tuned tuned_of(const Operation& operation, const Index& index) {
  const auto share = [&](std::size_t i) { return std::bit_cast<double>(operation.numbers[6 + i]); };
  return {.target = share(0),
          .k = operation.numbers[4],
          .defaults = defaults_of(operation),
          .recall = share(1),
          .checked_recall = share(2),
          .checked_low = share(3),
          .checked_high = share(4),
          .items = operation.numbers[5],
          .revision = index.stats().revision};
}

}  // namespace

Operation operation_of(const SearchDefaults& defaults) {
  return {.kind = Operation::Kind::set_defaults,
          .numbers = {defaults.beam, defaults.rerank, defaults.candidates,
                      std::bit_cast<std::uint32_t>(defaults.gamma)}};
}

Operation operation_of(const Tuned& tuned) {
  Operation operation = operation_of(tuned.defaults);
  operation.kind = Operation::Kind::keep_tuned;
  operation.numbers[4] = tuned.k;
  operation.numbers[5] = tuned.items;
  const std::array shares = {tuned.target, tuned.recall, tuned.checked_recall, tuned.checked_low,
                             tuned.checked_high};
  for (std::size_t i = 0; i < shares.size(); ++i)
    operation.numbers[6 + i] = std::bit_cast<std::uint64_t>(shares[i]);
  return operation;
}

void write_operation(const Operation& operation, const LogFile::Sink& sink) {
  const Batch& items = operation.items;
  const Batch& queries = operation.queries;
  Start start{};
  start.kind = static_cast<std::uint32_t>(operation.kind);
  start.dim = items.dim;
  start.query_dim = queries.dim;
  start.ids = operation.ids.size();
  start.offsets = items.offsets.size();
  start.labels = items.labels.values.size();
  start.label_offsets = items.labels.offsets.size();
  start.query_offsets = queries.offsets.size();
  start.rows = items.count;
  start.query_rows = queries.count;
  std::copy(operation.numbers.begin(), operation.numbers.end(), start.numbers);
  sink(std::as_bytes(std::span(&start, 1)));
  sink(std::as_bytes(operation.ids));
  sink(std::as_bytes(items.offsets));
  sink(std::as_bytes(items.labels.values));
  sink(std::as_bytes(items.labels.offsets));
  sink(std::as_bytes(queries.offsets));
  write_rows(items, sink);
  write_rows(queries, sink);
}

Operation read_operation(const LogRecord& record) {
  Reader reader(record);
  const Start start = reader.take<Start>(1)[0];
  if (start.kind > static_cast<std::uint32_t>(Operation::Kind::refine))
    reader.fail(concat("is of the kind ", start.kind, ", which there is not"));
  if (start.reserved != 0) reader.fail("has a reserved byte set");
  if ((start.dim == 0 && start.rows != 0) || (start.query_dim == 0 && start.query_rows != 0))
    reader.fail("has vectors without dims");
  Operation operation;
  operation.kind = static_cast<Operation::Kind>(start.kind);
  operation.ids = reader.take<Id>(start.ids);
  operation.items.offsets = reader.take<std::size_t>(start.offsets);
  operation.items.labels.values = reader.take<Label>(start.labels);
  operation.items.labels.offsets = reader.take<std::size_t>(start.label_offsets);
  operation.queries.offsets = reader.take<std::size_t>(start.query_offsets);
  operation.items.data = reader.take_rows(start.rows, start.dim).data();
  operation.queries.data = reader.take_rows(start.query_rows, start.query_dim).data();
  operation.items.count = start.rows;
  operation.queries.count = start.query_rows;
  operation.items.dim = start.dim;
  operation.queries.dim = start.query_dim;
  std::copy(std::begin(start.numbers), std::end(start.numbers), operation.numbers.begin());
  reader.expect_end();
  return operation;
}

void apply(const Operation& operation, Index& index, const Progress& progress) {
  const auto& [kind, ids, items, queries, numbers] = operation;
  switch (kind) {
    case Operation::Kind::train:
      return index.train(items, queries, progress);
    case Operation::Kind::add:
      index.add(items, ids, progress);
      return;
    case Operation::Kind::update:
      return index.update(ids, items, progress);
    case Operation::Kind::remove:
      index.remove(ids);
      return;
    case Operation::Kind::set_labels:
      return index.set_labels(ids, items.labels);
    case Operation::Kind::set_defaults:
      return index.set_defaults(defaults_of(operation));
    case Operation::Kind::retrain:
      return index.retrain(queries, progress);
    case Operation::Kind::fit_queries:
      index.fit_queries(queries,
                        {.beam = numbers[0], .neighbors = numbers[1], .progress = progress});
      return;
    case Operation::Kind::compact:
      return index.compact();
    case Operation::Kind::keep_tuned:
      index.keep_tuned(tuned_of(operation, index));
      return;
    case Operation::Kind::refine:
      return index.refine({.beam = numbers[0], .rounds = numbers[1], .progress = progress});
  }
}

}  // namespace vecinal
