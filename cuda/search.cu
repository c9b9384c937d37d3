// Graph search for a batch of queries: one warp a query walks from the top level down, four warps a
// block. Shared memory of a warp: the query (2 or 4 bytes a dimension), the pool (8 bytes an entry)
// and about 3 KiB beside them. The order of work within a warp is fixed and warps share nothing, so
// that results do not depend on batches.
#include "search.hpp"

#include "walk.hpp"

namespace vecinal::cuda {
namespace {

struct SearchShape {
  unsigned queries = 0;
  unsigned window = 0;
  unsigned capacity = 0;
  std::size_t warp_bytes = 0;  ///< shared memory of a warp
};

template <class Rows>
__global__ void search_kernel(RowsView rows, GraphView graph, QueriesView queries,
                              SearchShape shape, Found* found, unsigned long long* counts) {
  const auto [lane, warp, number] = QueryWarp{};
  if (number >= shape.queries) return;
  unsigned char* memory = shared_memory() + warp * shape.warp_bytes;
  const QueryAtHand query = load_query(queries, number, memory, lane, warp_size);
  memory += queries.query_bytes;
  WarpPool pool(memory, shape.capacity);
  const WalkScratch scratch(memory + pool_bytes(shape.capacity));
  __syncwarp();

  WalkCounts done;
  std::uint64_t entry = entry_key<Rows>(query, rows, graph, scratch, lane);
  for (unsigned level = graph.levels - 1; level > 0; --level) {
    const LayerView& layer = graph.layers[level];
    entry = descend<Rows>(query, rows, layer, entry, scratch, lane, done);
    entry = key_of(score_of(entry), layer.down[node_of(entry)]);
  }
  walk_layer<Rows>(query, rows, graph.layers[0], entry, shape.window, pool, scratch, lane, done);

  write_found(pool, done, shape.capacity, found + std::size_t{number} * shape.capacity, counts,
              lane);
}

/// Ranks what a search found by other rows: one warp a query.
template <class Rows>
__global__ void rerank_kernel(RowsView rows, QueriesView queries, SearchShape shape, Found* found) {
  const auto [lane, warp, number] = QueryWarp{};
  if (number >= shape.queries) return;
  unsigned char* memory = shared_memory() + warp * shape.warp_bytes;
  const QueryAtHand query = load_query(queries, number, memory, lane, warp_size);
  auto* slots = reinterpret_cast<std::uint32_t*>(memory + queries.query_bytes);
  auto* scores = reinterpret_cast<float*>(slots + warp_size);
  Found* list = found + static_cast<std::size_t>(number) * shape.capacity;
  for (unsigned first = 0; first < shape.capacity; first += warp_size) {
    const unsigned at = first + lane;
    const std::uint32_t node = at < shape.capacity ? list[at].node : no_node;
    const unsigned mask = __ballot_sync(all_lanes, node != no_node);
    const int place = __popc(mask & ((1U << lane) - 1U));
    if (node != no_node) slots[place] = node;
    __syncwarp();
    const auto count = static_cast<unsigned>(__popc(mask));
    if (count != 0) score_slots<Rows>(query, rows, slots, count, scores, lane);
    __syncwarp();
    if (node != no_node) list[at].score = scores[place];
    __syncwarp();
  }
}

}  // namespace

std::size_t search_bytes(std::size_t query_bytes, std::size_t capacity) {
  const std::size_t bytes = query_bytes + pool_bytes(capacity) + walk_scratch_bytes;
  return QueryWarp::in_block * ((bytes + 15) / 16 * 16);
}

void search_graph(const KindOfRows& kind, const RowsView& rows, const GraphView& graph,
                  const QueriesView& queries, const SearchRequest& request, Stream stream) {
  const SearchShape shape{
      request.queries, request.window, request.capacity,
      search_bytes(queries.query_bytes, request.capacity) / QueryWarp::in_block};
  with_rows(kind.type, kind.op, [&](auto row_kind) {
    launch("search_graph", search_kernel<decltype(row_kind)>,
           grid_of_queries(shape.queries, shape.warp_bytes), stream, rows, graph, queries, shape,
           static_cast<Found*>(request.found), request.counts);
  });
}

void rerank(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
            const SearchRequest& request, Stream stream) {
  const SearchShape shape{request.queries, 0, request.capacity,
                          queries.query_bytes + 2 * warp_size * sizeof(std::uint32_t)};
  with_rows(kind.type, kind.op, [&](auto row_kind) {
    launch("rerank", rerank_kernel<decltype(row_kind)>,
           grid_of_queries(shape.queries, shape.warp_bytes), stream, rows, queries, shape,
           static_cast<Found*>(request.found));
  });
}

}  // namespace vecinal::cuda
