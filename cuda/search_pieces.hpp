/// What all walks have in common on the host: queries go to the device in pieces, what a walk has
/// found may be ranked by other rows, and comes back.
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

/// Calls walk(queries, request) for each piece, which starts the kernel on the lane's stream.
template <class Walk>
DeviceCounts search_in_pieces(const SearchCall& call, Lane& lane, Walk walk) {
  using Count = unsigned long long;
  DeviceCounts total;
  in_pieces(call.queries.count, [&](std::size_t first, std::size_t count) {
    Upload upload;
    const SentQueries walked(call.rows, call.queries, first, count, upload);
    const DeviceRanking* const ranking = call.ranking;
    std::optional<SentQueries> ranked;
    if (ranking != nullptr && ranking->queries.steps == call.queries.steps &&
        ranking->queries.values == call.queries.values)
      ranked = walked;  // the same
    else if (ranking != nullptr)
      ranked.emplace(mine(*ranking->rows), ranking->queries, first, count, upload);
    upload.send(lane);
    // The counts lie behind what is found, so that one copy can bring both.
    const std::size_t bytes = count * call.capacity * sizeof(Scored);
    auto* results = static_cast<unsigned char*>(lane.found.need(bytes + 2 * sizeof(Count)));
    auto* counts = reinterpret_cast<Count*>(results + bytes);
    fill_bytes(counts, 0, 2 * sizeof(Count), lane.stream);
    const SearchRequest request{static_cast<unsigned>(count), static_cast<unsigned>(call.window),
                                static_cast<unsigned>(call.capacity), results, counts};
    walk(walked.view(upload), request);
    if (ranked)
      rerank(mine(*ranking->rows).kind(), mine(*ranking->rows).view(), ranked->view(upload),
             request, lane.stream);
    std::array<Count, 2> done{};
    receive(
        lane, results,
        std::as_writable_bytes(call.found.subspan(first * call.capacity, count * call.capacity)),
        std::as_writable_bytes(std::span(done)));
    total.hops += done[0];
    total.distances += done[1];
  });
  return total;
}

}  // namespace vecinal::cuda
