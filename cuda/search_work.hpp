/// What all walks have in common on the host: queries go to the device, what a walk has found may
/// be ranked by other rows, and comes back. The host need not wait for it.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "backend.hpp"
#include "sent_queries.hpp"

namespace vecinal::cuda {

struct SearchCall {
  const CudaRows& rows;
  const QueryBlock& queries;
  std::size_t window = 0;
  std::size_t capacity = 0;
  const DeviceRanking* ranking = nullptr;
  std::span<Scored> found;
};

class SearchWork final : public DeviceWork {
 public:
  explicit SearchWork(LanePool& lanes) : lane_(lanes.take()) {}
  SearchWork(const SearchWork&) = delete;
  SearchWork& operator=(const SearchWork&) = delete;
  ~SearchWork() override {
    if (!begun_) return;
    try {
      synchronize(lane_->stream);
    } catch (...) {  // then it has ended
    }
  }

  /// walk(queries, request, stream) starts the kernel.
  template <class Walk>
  void begin(const SearchCall& call, Walk walk) {
    begun_ = true;
    const std::size_t count = call.queries.count;
    Upload upload;
    const SentQueries walked(call.rows, call.queries, 0, count, upload);
    const std::optional<SentQueries> ranked = send_ranking(call, walked, upload);
    upload.send(*lane_);
    // The counts lie behind what is found, so that one copy can bring both.
    const std::size_t bytes = count * call.capacity * sizeof(Scored);
    auto* results = static_cast<unsigned char*>(lane_->found.need(bytes + sizeof counts_));
    auto* counts = reinterpret_cast<Count*>(results + bytes);
    fill_bytes(counts, 0, sizeof counts_, lane_->stream);
    const SearchRequest request{static_cast<unsigned>(count), static_cast<unsigned>(call.window),
                                static_cast<unsigned>(call.capacity), results, counts};
    walk(walked.view(upload), request, lane_->stream);
    if (ranked)
      rerank(mine(*call.ranking->rows).kind(), mine(*call.ranking->rows).view(),
             ranked->view(upload), request, lane_->stream);
    receipt_ = Receipt(*lane_, results, std::as_writable_bytes(call.found),
                       std::as_writable_bytes(std::span(counts_)));
  }

  DeviceCounts wait() override {
    receipt_.take(*lane_);
    begun_ = false;
    return {counts_[0], counts_[1]};
  }

 private:
  using Count = unsigned long long;

  /// The queries that rank, which may be those that walk.
  [[nodiscard]] static std::optional<SentQueries> send_ranking(const SearchCall& call,
                                                               const SentQueries& walked,
                                                               Upload& upload) {
    if (call.ranking == nullptr) return std::nullopt;
    const QueryBlock& queries = call.ranking->queries;
    if (queries.steps == call.queries.steps && queries.values == call.queries.values) return walked;
    return SentQueries(mine(*call.ranking->rows), queries, 0, queries.count, upload);
  }

  LanePool::Lease lane_;
  bool begun_ = false;
  Receipt receipt_;
  std::array<Count, 2> counts_{};
};

}  // namespace vecinal::cuda
