// The parallel work of building a graph: the links that new nodes choose, and the rows of nodes
// that were chosen by more than they have places for. One warp a node, four a block. The algorithm
// and its order are those of graph/builder.cpp and graph/select.cpp: over codes, whose scores are
// exact, the links are the CPU's.
//
// Shared memory of a warp: two queries (the node, and the candidate that is tried against those
// chosen before it), the sorted candidates, 16 bytes a link, and the scratch of a walk.
#include "links.hpp"

#include "walk.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned warps_a_block = 4;

/// Links that were chosen, and occluded ones that may fill up, as keys; 2 * degree of them.
struct Chosen {
  std::uint64_t* keys;
  std::uint64_t* passed;
  std::uint32_t* slots;  ///< of the rows of the nodes
  unsigned count = 0;
  unsigned passed_count = 0;

  __device__ Chosen(unsigned char* memory, unsigned degree)
      : keys(reinterpret_cast<std::uint64_t*>(memory)),
        passed(keys + degree),
        slots(reinterpret_cast<std::uint32_t*>(passed + degree)) {}

  __device__ void clear() {
    count = 0;
    passed_count = 0;
  }
};

__host__ __device__ std::size_t chosen_bytes(unsigned degree) {
  return degree * (2 * sizeof(std::uint64_t) + sizeof(std::uint32_t));
}

/// True if a chosen link is closer to the candidate than the node is, by the factor alpha.
template <class Rows>
__device__ bool occluded(const RowsView& rows, const LinkShape& shape, std::uint64_t candidate,
                         std::uint32_t slot, const Chosen& chosen, unsigned char* memory,
                         unsigned lane) {
  __syncwarp();
  const QueryAtHand query = RowAsQuery<Rows>::load(rows, shape.score, slot, memory, lane);
  __syncwarp();
  const float limit = __fadd_rn(score_of(candidate), shape.shift);
  const unsigned teams = warp_size / rows.team;
  constexpr unsigned each = 2;  // rows in the hands of a team
  for (unsigned first = 0; first < chosen.count; first += each * teams) {
    std::uint32_t slots[each];
#pragma unroll
    for (unsigned r = 0; r < each; ++r) {
      const unsigned i = first + lane / rows.team + r * teams;
      slots[r] = chosen.slots[i < chosen.count ? i : chosen.count - 1];  // twice does no harm
    }
    RowScores<each> scores;
    Rows::scores(query, rows, slots, lane % rows.team, scores);
    bool hides = false;
#pragma unroll
    for (const float score : scores)
      hides = hides || __fmul_rn(shape.alpha, __fadd_rn(score, shape.shift)) <= limit;
    if (__any_sync(all_lanes, hides)) return true;
  }
  return false;
}

/// Selector::select(): of the sorted candidates, those with bit 0 set being kept in any case.
template <class Rows>
__device__ void select(const RowsView& rows, const LayerView& layer, const LinkShape& shape,
                       const WarpPool& candidates, Chosen& chosen, unsigned char* memory,
                       unsigned lane) {
  const std::uint64_t* keys = candidates.keys();
  const unsigned count = candidates.size();
  unsigned kept_ahead = 0;
  for (unsigned i = lane; i < count; i += warp_size) kept_ahead += keys[i] & 1U;
  kept_ahead = team_sum(kept_ahead, warp_size);
  for (unsigned i = 0; i < count; ++i) {
    const std::uint64_t key = keys[i];
    const std::uint32_t slot = slot_of(layer, node_of(key));
    if ((key & 1U) != 0) {
      --kept_ahead;
    } else if (chosen.count + kept_ahead >= shape.degree) {
      if (kept_ahead == 0) break;
      continue;
    } else if (occluded<Rows>(rows, shape, key, slot, chosen, memory, lane)) {
      if (chosen.passed_count < shape.fill) {
        if (lane == 0) chosen.passed[chosen.passed_count] = key;
        ++chosen.passed_count;
      }
      continue;
    }
    if (lane == 0) {
      chosen.keys[chosen.count] = key;
      chosen.slots[chosen.count] = slot;
    }
    ++chosen.count;  // seen by all lanes after the next barrier, with which occluded() begins
  }
  __syncwarp();
}

/// Calls put(place, key) for the chosen links, filled up and in order.
template <class Put>
__device__ void write_chosen(const Chosen& chosen, const LinkShape& shape, unsigned lane, Put put) {
  const unsigned room = chosen.count < shape.fill ? shape.fill - chosen.count : 0;
  const unsigned more = chosen.passed_count < room ? chosen.passed_count : room;
  const auto below = [](const std::uint64_t* keys, unsigned count, std::uint64_t key) {
    unsigned rank = 0;
    for (unsigned i = 0; i < count; ++i) rank += keys[i] < key ? 1U : 0U;
    return rank;
  };
  for (unsigned i = lane; i < chosen.count; i += warp_size)
    put(i + below(chosen.passed, more, chosen.keys[i]), chosen.keys[i]);
  for (unsigned i = lane; i < more; i += warp_size)
    put(i + below(chosen.keys, chosen.count, chosen.passed[i]), chosen.passed[i]);
  for (unsigned i = chosen.count + more + lane; i < shape.degree; i += warp_size) put(i, no_key);
}

/// The first node of the pool whose row has the same bytes and the score that the row has with
/// itself.
template <class Rows>
__device__ std::uint32_t find_twin(const QueryAtHand& query, const RowsView& rows,
                                   std::uint32_t slot, const RowBytes& layout, const WarpPool& pool,
                                   const WalkScratch& scratch, unsigned lane) {
  if (lane == 0) scratch.slots[0] = slot;
  __syncwarp();
  score_slots<Rows>(query, rows, scratch.slots, 1, scratch.scores, lane);
  __syncwarp();
  const std::uint64_t self = key_of(scratch.scores[0], 0) >> 32U;
  const auto* mine =
      reinterpret_cast<const unsigned*>(rows.data + slot * rows.pitch + layout.begin);
  for (unsigned i = 0; i < pool.size() && pool[i] >> 32U <= self; ++i) {
    if (pool[i] >> 32U != self) continue;
    const std::uint32_t node = node_of(pool[i]);
    const auto* other =
        reinterpret_cast<const unsigned*>(rows.data + node * rows.pitch + layout.begin);
    bool differs = false;
    for (std::size_t w = lane; w < layout.words; w += warp_size) differs |= mine[w] != other[w];
    if (!__any_sync(all_lanes, differs)) return node;
  }
  return no_node;
}

/// Where a warp's shared memory has what.
struct Layout {
  std::size_t query_bytes;
  std::size_t warp_bytes;
  RowBytes row;
};

/// What a warp has there, for a node with so many candidates.
struct NodeScratch {
  unsigned char* query;  ///< of the node
  unsigned char* other;  ///< query of a candidate
  WarpPool pool;
  WalkScratch walk;
  Chosen chosen;

  __device__ NodeScratch(const Layout& layout, const LinkShape& shape, unsigned candidates)
      : query(shared_memory() + threadIdx.x / warp_size * layout.warp_bytes),
        other(query + layout.query_bytes),
        pool(other + layout.query_bytes, candidates),
        walk(other + layout.query_bytes + pool_bytes(candidates)),
        chosen(other + layout.query_bytes + pool_bytes(candidates) + walk_scratch_bytes,
               shape.degree) {}
};

/// The number of the node that a warp has.
__device__ unsigned node_number() { return blockIdx.x * warps_a_block + threadIdx.x / warp_size; }

/// How links are chosen on a level.
__device__ LinkShape shape_on(const LinkShape& shape, const LayerView& layer, unsigned level) {
  LinkShape own = shape;
  own.degree = layer.degree;
  if (level > 0) own.fill = 0;
  return own;
}

template <class Rows>
__global__ void find_kernel(RowsView rows, GraphView graph, LinkShape shape, Layout layout,
                            FindRequest request) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned number = node_number();
  if (number >= request.of_level[0].count) return;
  NodeScratch scratch(layout, shape, shape.beam);
  WarpPool& pool = scratch.pool;

  const std::uint32_t slot = request.slots[number];
  const QueryAtHand query = RowAsQuery<Rows>::load(rows, shape.score, slot, scratch.query, lane);
  __syncwarp();
  WalkCounts counts;
  std::uint64_t entry = entry_key<Rows>(query, rows, graph, scratch.walk, lane);
  for (unsigned level = graph.levels - 1;; --level) {
    const LayerView& layer = graph.layers[level];
    if (level >= request.levels || number >= request.of_level[level].count) {
      entry = descend<Rows>(query, rows, layer, entry, scratch.walk, lane, counts);
    } else {
      pool.clear();
      walk_layer<Rows>(query, rows, layer, entry, shape.beam, pool, scratch.walk, lane, counts);
      if (level == 0) {
        const std::uint32_t twin =
            find_twin<Rows>(query, rows, slot, layout.row, pool, scratch.walk, lane);
        if (lane == 0) request.twins[number] = twin;
      }
      pool.mark_first(lane);
      const LinkShape own = shape_on(shape, layer, level);
      scratch.chosen.clear();
      select<Rows>(rows, layer, own, pool, scratch.chosen, scratch.other, lane);
      Found* links = static_cast<Found*>(request.links) + request.of_level[level].first +
                     static_cast<std::size_t>(number) * own.degree;
      write_chosen(scratch.chosen, own, lane,
                   [&](unsigned place, std::uint64_t key) { links[place] = found_of(key); });
      entry = pool[0] & ~std::uint64_t{1};
    }
    if (level == 0) return;
    entry = key_of(score_of(entry), layer.down[node_of(entry)]);
  }
}

template <class Rows>
__global__ void prune_kernel(RowsView rows, GraphView graph, LinkShape shape, Layout layout,
                             PruneTargets request) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned number = node_number();
  if (number >= request.count) return;
  NodeScratch scratch(layout, shape, request.most);
  WarpPool& pool = scratch.pool;

  const std::uint32_t target = request.targets[number];
  const QueryAtHand query = RowAsQuery<Rows>::load(rows, shape.score, target, scratch.query, lane);
  __syncwarp();
  const std::uint32_t* row =
      graph.layers[0].links + static_cast<std::size_t>(target) * shape.degree;
  const std::uint32_t* keep = request.keep + static_cast<std::size_t>(number) * request.keep_words;
  for (unsigned first = 0; first < shape.degree; first += warp_size) {
    const std::uint32_t node = first + lane < shape.degree ? row[first + lane] : no_node;
    const auto count = static_cast<unsigned>(__popc(__ballot_sync(all_lanes, node != no_node)));
    if (count == 0) break;  // a row ends with its first empty place
    scratch.walk.slots[lane] = node;
    __syncwarp();
    score_slots<Rows>(query, rows, scratch.walk.slots, count, scratch.walk.scores, lane);
    __syncwarp();
    const std::uint64_t kept = keep[first / warp_size] >> lane & 1U;
    pool.offer(lane < count ? key_of(scratch.walk.scores[lane], node) | kept : no_key, lane);
  }
  const unsigned end = request.ends[number];
  for (unsigned first = number == 0 ? 0 : request.ends[number - 1]; first < end;
       first += warp_size) {
    const unsigned i = first + lane;
    pool.offer(i < end
                   ? key_of(request.scores[i], request.sources[i] >> 1U) | (request.sources[i] & 1U)
                   : no_key,
               lane);
  }
  select<Rows>(rows, graph.layers[0], shape, pool, scratch.chosen, scratch.other, lane);
  std::uint32_t* to = request.rows + static_cast<std::size_t>(number) * shape.degree;
  write_chosen(scratch.chosen, shape, lane, [&](unsigned place, std::uint64_t key) {
    to[place] = key == no_key ? no_node : node_of(key);
  });
}

__global__ void set_rows_kernel(std::uint32_t* links, unsigned degree, const std::uint32_t* nodes,
                                const std::uint32_t* rows, unsigned count) {
  const unsigned row = blockIdx.x * blockDim.x / warp_size + threadIdx.x / warp_size;
  if (row >= count) return;
  for (unsigned i = threadIdx.x % warp_size; i < degree; i += warp_size)
    links[static_cast<std::size_t>(nodes[row]) * degree + i] =
        rows[static_cast<std::size_t>(row) * degree + i];
}

std::size_t warp_bytes(std::size_t query_bytes, const LinkShape& shape, std::size_t candidates) {
  const std::size_t bytes = 2 * query_bytes + pool_bytes(candidates) + walk_scratch_bytes +
                            chosen_bytes(shape.degree) + 8;
  return (bytes + 15) / 16 * 16;
}

Grid grid_of(unsigned count, std::size_t warp) {
  return {{(count + warps_a_block - 1) / warps_a_block, 1, 1},
          warps_a_block * warp_size,
          warps_a_block * warp};
}

/// Rows that are walked have one level.
template <class Use>
void with_walked_rows(const KindOfRows& kind, Use use) {
  with_rows(kind.type, kind.op, [&](auto rows) {
    if constexpr (requires { RowAsQuery<decltype(rows)>::load; }) use(rows);
  });
}

}  // namespace

std::size_t find_bytes(std::size_t query_bytes, const LinkShape& shape) {
  return warps_a_block * warp_bytes(query_bytes, shape, shape.beam);
}

std::size_t prune_bytes(std::size_t query_bytes, const LinkShape& shape, std::size_t most) {
  return warps_a_block * warp_bytes(query_bytes, shape, most);
}

void find_links(const KindOfRows& kind, const RowsView& rows, std::size_t query_bytes,
                const GraphView& graph, const LinkShape& shape, const FindRequest& request,
                Stream stream) {
  const std::size_t warp = warp_bytes(query_bytes, shape, shape.beam);
  with_walked_rows(kind, [&](auto row_kind) {
    launch("find_links", find_kernel<decltype(row_kind)>, grid_of(request.of_level[0].count, warp),
           stream, rows, graph, shape, Layout{query_bytes, warp, request.row}, request);
  });
}

void prune(const KindOfRows& kind, const RowsView& rows, std::size_t query_bytes,
           const GraphView& graph, const LinkShape& shape, const PruneTargets& request,
           Stream stream) {
  const std::size_t warp = warp_bytes(query_bytes, shape, request.most);
  with_walked_rows(kind, [&](auto row_kind) {
    launch("prune", prune_kernel<decltype(row_kind)>, grid_of(request.count, warp), stream, rows,
           graph, shape, Layout{query_bytes, warp, {}}, request);
  });
}

void set_rows(std::uint32_t* links, unsigned degree, const std::uint32_t* nodes,
              const std::uint32_t* rows, unsigned count, Stream stream) {
  if (count == 0) return;
  constexpr unsigned threads = 256;
  launch("set_rows", set_rows_kernel,
         Grid{{(count + threads / warp_size - 1) / (threads / warp_size), 1, 1}, threads, 0},
         stream, links, degree, nodes, rows, count);
}

}  // namespace vecinal::cuda
