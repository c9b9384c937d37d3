/// Launchers of graph search and of ranking (search.cu).
#pragma once

#include "graph_view.hpp"
#include "score.hpp"

namespace vecinal::cuda {

struct KindOfRows {
  kernels::RowType type = kernels::RowType::f32;
  kernels::Op op = kernels::Op::l2;
};

struct SearchRequest {
  unsigned queries = 0;
  unsigned window = 0;
  unsigned capacity = 0;                 ///< entries of each query in found
  void* found = nullptr;                 ///< Scored, in device memory
  unsigned long long* counts = nullptr;  ///< hops and distances, added to
};

/// Shared memory of a block of search_graph().
[[nodiscard]] std::size_t search_bytes(std::size_t query_bytes, std::size_t capacity);

void search_graph(const KindOfRows& kind, const RowsView& rows, const GraphView& graph,
                  const QueriesView& queries, const SearchRequest& request, Stream stream);

/// Replaces the scores of the entries of each query.
void rerank(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
            const SearchRequest& request, Stream stream);

}  // namespace vecinal::cuda
