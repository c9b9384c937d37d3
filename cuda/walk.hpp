/// Walks over the levels of a graph, by one warp: shared by searching and building.
///
/// Idea: the list of the best nodes is sorted and lies in shared memory (warp_pool.hpp); a hop
/// reads a row of links, 32 at a time, scores those that a small table of recently seen nodes does
/// not hold, and merges them into the list. The table forgets: what it has forgotten is scored
/// again and found in the list, or worse than all of it. So the result is that of an exact set of
/// visited nodes, at no reset and a fixed size.
#pragma once

#include "graph_view.hpp"
#include "score.hpp"
#include "warp_pool.hpp"

namespace vecinal::cuda {

inline constexpr unsigned seen_nodes = 512;

/// Where the table of seen nodes has a node, if it has it.
__device__ inline unsigned seen_place(std::uint32_t node) {
  return node * 0x9E3779B1U >> 23U;  // Fibonacci hashing
}

/// What a warp has in shared memory beside the query and the pool.
struct WalkScratch {
  std::uint32_t* seen;   ///< seen_nodes
  std::uint32_t* fresh;  ///< warp_size nodes
  std::uint32_t* slots;  ///< warp_size
  float* scores;         ///< warp_size

  __device__ explicit WalkScratch(unsigned char* memory)
      : seen(reinterpret_cast<std::uint32_t*>(memory)),
        fresh(seen + seen_nodes),
        slots(fresh + warp_size),
        scores(reinterpret_cast<float*>(slots + warp_size)) {}
};

inline constexpr std::size_t walk_scratch_bytes =
    (seen_nodes + 3 * std::size_t{warp_size}) * sizeof(std::uint32_t);

/// Where a walk's warp stands: one warp a query, a few warps a block.
struct QueryWarp {
  static constexpr unsigned in_block = 4;
  unsigned lane = threadIdx.x % warp_size;
  unsigned warp = threadIdx.x / warp_size;
  unsigned query = blockIdx.x * in_block + warp;
};

inline Grid grid_of_queries(unsigned queries, std::size_t warp_bytes) {
  return {{(queries + QueryWarp::in_block - 1) / QueryWarp::in_block, 1, 1},
          QueryWarp::in_block * warp_size,
          QueryWarp::in_block * warp_bytes};
}

struct WalkCounts {
  unsigned hops = 0;
  unsigned distances = 0;
};

__device__ inline std::uint32_t slot_of(const LayerView& layer, std::uint32_t node) {
  return layer.slots == nullptr ? node : layer.slots[node];
}

/// Forgets all nodes.
__device__ inline void forget_seen(const WalkScratch& scratch, unsigned lane) {
  for (unsigned i = lane; i < seen_nodes; i += warp_size) scratch.seen[i] = no_node;
  __syncwarp();
}

/// Links first .. first + 31 of a node: puts those not seen lately into scratch.fresh and scores
/// them; returns how many there are. `last` is set where the row of links has ended.
template <class Rows>
__device__ unsigned score_links(const QueryAtHand& query, const RowsView& rows,
                                const LayerView& layer, std::uint32_t node, unsigned first,
                                const WalkScratch& scratch, unsigned lane, bool& last) {
  const std::uint32_t* row = layer.links + static_cast<std::size_t>(node) * layer.degree;
  const std::uint32_t link = first + lane < layer.degree ? row[first + lane] : no_node;
  last = __any_sync(all_lanes, link == no_node);
  bool fresh = link < layer.count;
  if (fresh) fresh = atomicExch(scratch.seen + seen_place(link), link) != link;
  const unsigned mask = __ballot_sync(all_lanes, fresh);
  __syncwarp();  // what the scratch held has been read
  if (fresh) {
    const int at = __popc(mask & ((1U << lane) - 1U));
    scratch.fresh[at] = link;
    scratch.slots[at] = slot_of(layer, link);
  }
  __syncwarp();
  const auto count = static_cast<unsigned>(__popc(mask));
  if (count != 0) score_slots<Rows>(query, rows, scratch.slots, count, scratch.scores, lane);
  __syncwarp();
  return count;
}

/// Least key of the warp.
__device__ inline std::uint64_t least(std::uint64_t key) {
  for (int step = 16; step != 0; step /= 2) {
    const std::uint64_t other = __shfl_xor_sync(all_lanes, key, step);
    key = other < key ? other : key;
  }
  return key;
}

/// Moves to a neighbour as long as one is closer: descend() in graph/walk.hpp. entry and result are
/// keys of nodes of the layer.
template <class Rows>
__device__ std::uint64_t descend(const QueryAtHand& query, const RowsView& rows,
                                 const LayerView& layer, std::uint64_t entry,
                                 const WalkScratch& scratch, unsigned lane, WalkCounts& counts) {
  forget_seen(scratch, lane);
  for (std::uint64_t best = entry;; entry = best) {
    bool last = false;
    for (unsigned first = 0; first < layer.degree && !last; first += warp_size) {
      const unsigned count =
          score_links<Rows>(query, rows, layer, node_of(entry), first, scratch, lane, last);
      const std::uint64_t key =
          lane < count ? key_of(scratch.scores[lane], scratch.fresh[lane]) : no_key;
      best = least(key < best ? key : best);
      counts.distances += count;
      __syncwarp();
    }
    counts.hops += 1;
    if (best == entry) return best;
  }
}

/// Writes what a query has found to its `capacity` places, and adds what was done to the counts.
__device__ inline void write_found(const WarpPool& found, const WalkCounts& done, unsigned capacity,
                                   Found* to, unsigned long long* counts, unsigned lane) {
  for (unsigned i = lane; i < capacity; i += warp_size)
    to[i] = found_of(i < found.size() ? found[i] : no_key);
  if (lane == 0) {
    atomicAdd(counts, static_cast<unsigned long long>(done.hops));
    atomicAdd(counts + 1, static_cast<unsigned long long>(done.distances));
  }
}

/// Fills the pool with the best nodes found from the entry: walk() in graph/walk.hpp.
template <class Rows>
__device__ void walk_layer(const QueryAtHand& query, const RowsView& rows, const LayerView& layer,
                           std::uint64_t entry, unsigned window, WarpPool& pool,
                           const WalkScratch& scratch, unsigned lane, WalkCounts& counts) {
  forget_seen(scratch, lane);
  pool.offer(lane == 0 ? entry : no_key, lane);
  for (std::uint64_t best = pool.pop(window, lane); best != no_key; best = pool.pop(window, lane)) {
    bool last = false;
    for (unsigned first = 0; first < layer.degree && !last; first += warp_size) {
      const unsigned count =
          score_links<Rows>(query, rows, layer, node_of(best), first, scratch, lane, last);
      pool.offer(lane < count ? key_of(scratch.scores[lane], scratch.fresh[lane]) : no_key, lane);
      counts.distances += count;
    }
    counts.hops += 1;
  }
}

/// The key of the graph's entry node.
template <class Rows>
__device__ std::uint64_t entry_key(const QueryAtHand& query, const RowsView& rows,
                                   const GraphView& graph, const WalkScratch& scratch,
                                   unsigned lane) {
  if (lane == 0) scratch.slots[0] = slot_of(graph.layers[graph.levels - 1], graph.entry);
  __syncwarp();
  score_slots<Rows>(query, rows, scratch.slots, 1, scratch.scores, lane);
  __syncwarp();
  const std::uint64_t key = key_of(scratch.scores[0], graph.entry);
  __syncwarp();
  return key;
}

}  // namespace vecinal::cuda
