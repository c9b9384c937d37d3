// Exact scans: few queries each by itself, many by panels, very many by a screen whose open cases
// the panels answer.
#include <vector>

#include "panel_scan.hpp"
#include "screen_scan.hpp"
#include "sent_queries.hpp"

namespace vecinal::cuda {
namespace {

/// Memory for what passes the screen, of the queries of a piece.
constexpr std::size_t passed_bytes = std::size_t{512} << 20U;

/// The rows that a call compares.
struct Compared {
  const CudaRows& rows;
  const std::uint32_t* slots = nullptr;  ///< in device memory, or null for the first ones
  unsigned count = 0;
  unsigned most = 0;
};

void scan_piece(const Compared& with, const QueryBlock& queries, std::size_t first,
                std::size_t count, Lane& lane, std::span<Scored> found) {
  Upload upload;
  const SentQueries sent(with.rows, queries, first, count, upload);
  upload.send(lane);
  const ScanRequest request{static_cast<unsigned>(count), with.count, with.slots, with.most,
                            lane.found.need(found.size_bytes())};
  const KindOfRows kind = with.rows.kind();
  if (count >= least_panel_queries && panel_scan_bytes(kind, with.rows.format().padded_dim,
                                                       with.most) <= device_info().shared_bytes)
    panel_scan(kind, with.rows.view(), sent.view(upload), request,
               lane.workspace.need(panel_scan_workspace(request)), lane.stream);
  else
    scan(kind, with.rows.view(), sent.view(upload), request,
         lane.workspace.need(scan_workspace(request)), lane.stream);
  receive(lane, request.found, std::as_writable_bytes(found), {});
}

void scan_all(const Compared& with, const QueryBlock& queries, Lane& lane,
              std::span<Scored> found) {
  in_pieces(queries.count, [&](std::size_t first, std::size_t count) {
    scan_piece(with, queries, first, count, lane,
               found.subspan(first * with.most, count * with.most));
  });
}

/// Some queries of a block, side by side.
class SomeQueries {
 public:
  SomeQueries(const QueryBlock& all, std::size_t padded_dim, std::span<const std::size_t> wanted) {
    for (const std::size_t query : wanted) {
      if (all.values != nullptr)
        values_.insert(values_.end(), all.values + query * padded_dim,
                       all.values + (query + 1) * padded_dim);
      if (all.steps != nullptr)
        steps_.insert(steps_.end(), all.steps + query * padded_dim,
                      all.steps + (query + 1) * padded_dim);
      if (all.scales != nullptr) scales_.push_back(all.scales[query]);
    }
    block_ = {.count = wanted.size(),
              .values = all.values == nullptr ? nullptr : values_.data(),
              .steps = all.steps == nullptr ? nullptr : steps_.data(),
              .scales = all.scales == nullptr ? nullptr : scales_.data()};
  }

  [[nodiscard]] const QueryBlock& block() const { return block_; }

 private:
  std::vector<float> values_;
  std::vector<std::int16_t> steps_;
  std::vector<QueryScale> scales_;
  QueryBlock block_;
};

/// Screens pieces of the queries.
class ScreenedScan {
 public:
  ScreenedScan(const Compared& with, const QueryBlock& queries, Lane& lane)
      : with_(with), queries_(queries), lane_(lane) {}

  /// Appends the queries that it leaves open.
  void run(std::size_t first, std::size_t count, std::span<Scored> found,
           std::vector<std::size_t>& open) {
    Upload upload;
    const SentQueries sent(with_.rows, queries_, first, count, upload);
    upload.send(lane_);
    const QueriesView queries = sent.view(upload);
    const KindOfRows kind = with_.rows.kind();
    const RowsView rows = with_.rows.view();
    const ScreenShape shape =
        screen_shape(static_cast<unsigned>(count), with_.count, rows.padded_dim, with_.most);
    const ScreenMemory memory = take_memory(shape);
    pack_queries(kind, queries, shape, memory, lane_.stream);
    for (ScreenRows batch{0, 0, with_.slots}; batch.first < with_.count;
         batch.first += batch.count) {
      batch.count = batch_rows(shape, batch.first);
      pack_rows(kind, rows, batch, shape, memory, lane_.stream);
      screen_batch(batch, shape, memory, lane_.stream);
      tighten_limits(shape, memory, lane_.stream);
    }
    // Behind what is found lies what is open.
    std::vector<unsigned> left(count);
    const std::size_t bytes = found.size_bytes();
    auto* results = static_cast<unsigned char*>(lane_.found.need(bytes + count * sizeof(unsigned)));
    settle_screen(kind, rows, queries, shape, memory,
                  {shape.queries, with_.count, with_.slots, with_.most, results},
                  reinterpret_cast<unsigned*>(results + bytes), lane_.stream);
    receive(lane_, results, std::as_writable_bytes(found), std::as_writable_bytes(std::span(left)));
    for (std::size_t i = 0; i < count; ++i)
      if (left[i] != 0) open.push_back(first + i);
  }

 private:
  ScreenMemory take_memory(const ScreenShape& shape) {
    const std::size_t row_lines = std::size_t{shape.chunks()} * shape.most_rows;
    const std::size_t query_lines =
        std::size_t{shape.chunks()} * shape.query_tiles() * screen_queries;
    Layout layout;
    const auto rows = layout.add<unsigned char>(row_lines * line_bytes);
    const auto row_terms = layout.add<RowTerms>(shape.most_rows);
    const auto queries = layout.add<unsigned char>(query_lines * line_bytes);
    const auto query_terms = layout.add<QueryTerms>(shape.queries);
    const auto extremes = layout.add<RowExtremes>(1);
    const auto limits = layout.add<unsigned>(shape.queries);
    const auto counts = layout.add<unsigned>(shape.queries);
    const auto passed = layout.add<std::uint64_t>(std::size_t{shape.queries} * shape.most_passed);
    const auto work = layout.add<std::uint64_t>(screen_blocks() * screen_work_keys);
    layout.settle(lane_.workspace);
    return {layout[rows],        layout[row_terms], layout[queries],
            layout[query_terms], layout[extremes],  layout[limits],
            layout[counts],      layout[passed],    layout[work]};
  }

  const Compared& with_;
  const QueryBlock& queries_;
  Lane& lane_;
};

/// Queries of a piece: as many as can be, so that few read the rows again.
std::size_t screened_together(const Compared& with) {
  const ScreenShape shape =
      screen_shape(static_cast<unsigned>(most_queries), with.count,
                   static_cast<unsigned>(with.rows.format().padded_dim), with.most);
  const std::size_t query_bytes = shape.most_passed * sizeof(std::uint64_t);
  return std::clamp<std::size_t>(passed_bytes / query_bytes / screen_queries * screen_queries,
                                 screen_queries, most_queries);
}

void screen_all(const Compared& with, const QueryBlock& queries, Lane& lane,
                std::span<Scored> found) {
  ScreenedScan screen(with, queries, lane);
  std::vector<std::size_t> open;
  const std::size_t piece = screened_together(with);
  for (std::size_t first = 0; first < queries.count; first += piece) {
    const std::size_t count = std::min(piece, queries.count - first);
    screen.run(first, count, found.subspan(first * with.most, count * with.most), open);
  }
  if (open.empty()) return;
  const SomeQueries left(queries, with.rows.format().padded_dim, open);
  std::vector<Scored> again(open.size() * with.most);
  scan_all(with, left.block(), lane, again);
  for (std::size_t i = 0; i < open.size(); ++i)
    std::copy_n(again.begin() + static_cast<std::ptrdiff_t>(i * with.most), with.most,
                found.begin() + static_cast<std::ptrdiff_t>(open[i] * with.most));
}

}  // namespace

void CudaBackend::knn(const DeviceRows& rows, const QueryBlock& queries, std::size_t count,
                      std::span<const Slot> slots, std::size_t most, std::span<Scored> found) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  const auto* listed = static_cast<const std::uint32_t*>(nullptr);
  if (!slots.empty()) {
    listed = static_cast<const std::uint32_t*>(lane->slots.need(slots.size_bytes()));
    copy_in(lane->slots.as<void>(), slots.data(), slots.size_bytes(), lane->stream);
    count = slots.size();
  }
  const Compared with{mine(rows), listed, static_cast<unsigned>(count),
                      static_cast<unsigned>(most)};
  if (worth_screening(static_cast<unsigned>(std::min(queries.count, most_queries)), with.count,
                      with.most))
    screen_all(with, queries, *lane, found);
  else
    scan_all(with, queries, *lane, found);
}

}  // namespace vecinal::cuda
