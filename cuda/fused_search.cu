// Graph search by fused rows for a batch of queries (graph/fused_walk.hpp): one warp a query, four
// warps a block. A hop reads one row, its links and its tail, and estimates 32 neighbours at a
// time, one a lane, where search.cu reads the rows of all of them.
//
// Candidates are a sorted list of estimates. A node may be in it several times, as each neighbour
// has its own estimate of it: the smallest is expanded, the others make the window one wider when
// they come up. The table that knows expanded nodes forgets; whatever it has forgotten is expanded
// again and found among the scored nodes, by its key. So results depend on nothing but the query.
#include "fused_search.hpp"

#include <limits>

#include "walk.hpp"

namespace vecinal::cuda {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

struct FusedShape {
  unsigned queries = 0;
  unsigned beam = 0;
  unsigned capacity = 0;
  unsigned candidates = 0;  ///< that are kept
  FusedStop stop;
  std::size_t warp_bytes = 0;  ///< shared memory of a warp
};

/// As many may be copies of others, or expanded, as there are nodes to be scored.
unsigned candidates_of(std::size_t capacity) { return static_cast<unsigned>(2 * capacity); }

__device__ inline void prefetch(const unsigned char* address) {
#ifdef __CUDACC__
  asm volatile("prefetch.global.L1 [%0];" ::"l"(address));
#else
  static_cast<void>(address);
#endif
}

/// One query's walk. All functions are for the whole warp; every lane holds the same values.
template <class Rows>
class FusedWalk {
 public:
  __device__ FusedWalk(const QueryAtHand& query, const RowsView& rows, const LayerView& layer,
                       const TailsView& tails, const FusedShape& shape, unsigned char* memory,
                       unsigned lane)
      : query_(query),
        rows_(rows),
        layer_(layer),
        tails_(tails),
        shape_(shape),
        lane_(lane),
        signs_(make_sign_query(query, tails, take(memory, table_bytes(tails.shape.words)), lane)),
        pool_(take(memory, pool_bytes(shape.candidates)), shape.candidates),
        best_(take(memory, pool_bytes(shape.capacity)), shape.capacity),
        scratch_(memory) {
    forget_seen(scratch_, lane);
  }

  /// Starts at the best of the entries: one of every lane.
  __device__ void enter() {
    float least = infinity;
    std::uint32_t node = no_node;
    for (unsigned block = 0; block < tails_.entry_shape.blocks; ++block) {
      const std::uint32_t entry = tails_.entry_nodes[block * warp_size + lane_];
      const unsigned sum = sum_entries(signs_, tails_.entry_shape, tails_.entries, block, lane_);
      const float score =
          estimate(signs_, tails_.entry_shape, tails_.entries, block, query_.constant, sum, lane_);
      const bool better = entry < layer_.count && score < least;
      least = better ? score : least;
      node = better ? entry : node;
      counts_.distances += warp_size;
    }
    pool_.offer(node == no_node ? no_key : key_of(least, node), lane_);
  }

  /// Expands the best candidate; false if the walk is over.
  __device__ bool expand() {
    const std::uint64_t key = pool_.pop(shape_.beam + copies_, lane_);
    if (key == no_key || score_of(key) > limit_) return false;
    const std::uint32_t node = node_of(key);
    const bool again = expanded(node);
    __syncwarp();
    if (again) {
      copies_ += 1;
      return true;
    }
    if (lane_ == 0) scratch_.seen[seen_place(node)] = node;
    visit(node, score_of(key));
    return true;
  }

  /// Scores candidates that, by their estimates, may be among the k best.
  __device__ void rest() {
    const float error = __fsqrt_rn(squared_error_ / static_cast<float>(hops() == 0 ? 1 : hops()));
    const float limit = __fadd_rn(kth_score(), error);
    unsigned room = shape_.capacity > hops() ? shape_.capacity - hops() : 0;
    for (unsigned first = 0; first < pool_.size() && room != 0; first += warp_size) {
      const unsigned at = first + lane_;
      const std::uint64_t key = at < pool_.size() ? pool_[at] : no_key;
      const std::uint32_t node = node_of(key);
      bool wanted = (key & 1U) == 0 && score_of(key) <= limit && !expanded(node);
      wanted = first_with(node, wanted);
      const unsigned mask = __ballot_sync(all_lanes, wanted);
      const auto number = static_cast<unsigned>(__popc(mask & ((1U << lane_) - 1U)));
      const auto found = static_cast<unsigned>(__popc(mask));
      const unsigned count = found < room ? found : room;
      __syncwarp();  // what the table held has been read
      if (wanted && number < count) {
        scratch_.slots[number] = node;
        // Least, and not last: which lane is last is not determined.
        atomicMin(scratch_.seen + seen_place(node), node);
      }
      __syncwarp();
      if (count != 0)
        score_slots<Rows>(query_, rows_, scratch_.slots, count, scratch_.scores, lane_);
      __syncwarp();
      best_.offer(lane_ < count ? key_of(scratch_.scores[lane_], scratch_.slots[lane_]) : no_key,
                  lane_);
      counts_.distances += count;
      room -= count;
    }
  }

  [[nodiscard]] __device__ const WarpPool& best() const { return best_; }
  [[nodiscard]] __device__ const WalkCounts& counts() const { return counts_; }

 private:
  [[nodiscard]] __device__ unsigned hops() const { return counts_.hops; }
  /// The next bytes of the memory, of which the members have theirs in order.
  [[nodiscard]] __device__ static unsigned char* take(unsigned char*& memory, std::size_t bytes) {
    unsigned char* const taken = memory;
    memory += bytes;
    return taken;
  }
  [[nodiscard]] __device__ bool expanded(std::uint32_t node) const {
    return scratch_.seen[seen_place(node)] == node;
  }
  [[nodiscard]] __device__ float kth_score() const {
    const unsigned k = shape_.stop.k;
    return best_.size() < k ? infinity : score_of(best_[k - 1]);
  }

  /// False where a lane before this one wants the same node.
  [[nodiscard]] __device__ bool first_with(std::uint32_t node, bool wanted) const {
    const std::uint32_t mine = wanted ? node : no_node;
    for (unsigned other = 0; other < warp_size; ++other) {
      const std::uint32_t theirs = __shfl_sync(all_lanes, mine, static_cast<int>(other));
      if (other < lane_ && theirs == mine) wanted = false;
    }
    return wanted;
  }

  /// Scores the node and offers its neighbours. The row comes while signs are looked up.
  __device__ void visit(std::uint32_t node, float expected) {
    const unsigned char* tail = tails_.tails + node * tails_.shape.pitch();
    const std::uint32_t* links = layer_.links + std::size_t{node} * layer_.degree;
    for (unsigned at = lane_ * 128; at < rows_.pitch; at += warp_size * 128)
      prefetch(rows_.data + node * rows_.pitch + at);
    float base = 0;
    for (unsigned block = 0; block < tails_.shape.blocks; ++block) {
      const std::uint32_t link = links[block * warp_size + lane_];
      const unsigned sum = sum_entries(signs_, tails_.shape, tail, block, lane_);
      if (block == 0) base = note(node, expected);
      const float score = estimate(signs_, tails_.shape, tail, block, base, sum, lane_);
      const bool fresh = link < layer_.count && !(score > limit_) && !expanded(link);
      pool_.offer(fresh ? key_of(score, link) : no_key, lane_);
    }
    counts_.hops += 1;
    counts_.distances += 1 + layer_.degree;
  }

  /// The score of a node, which is noted.
  __device__ float note(std::uint32_t node, float expected) {
    RowsView rows = rows_;
    rows.team = warp_size;
    if (lane_ == 0) scratch_.slots[0] = node;
    __syncwarp();
    score_slots<Rows>(query_, rows, scratch_.slots, 1, scratch_.scores, lane_);
    __syncwarp();
    const float score = scratch_.scores[0];
    const float error = __fsub_rn(score, expected);
    squared_error_ = __fmaf_rn(error, error, squared_error_);
    best_.offer(lane_ == 0 ? key_of(score, node) : no_key, lane_);
    if (shape_.stop.gamma < infinity && best_.size() >= shape_.stop.k) {
      // Scores of codes are estimates: distances near zero may come out below it.
      const float shifted = __fadd_rn(kth_score(), shape_.stop.shift);
      const float distance = shifted > 0 ? shifted : 0.0F;
      const float limit =
          __fsub_rn(__fmul_rn(distance, __fadd_rn(1.0F, shape_.stop.gamma)), shape_.stop.shift);
      limit_ = limit < limit_ ? limit : limit_;
    }
    return score;
  }

  const QueryAtHand& query_;
  const RowsView& rows_;
  const LayerView& layer_;
  const TailsView& tails_;
  const FusedShape& shape_;
  unsigned lane_;
  SignQuery signs_;
  WarpPool pool_;
  WarpPool best_;  ///< of the scored nodes
  WalkScratch scratch_;
  WalkCounts counts_;
  float squared_error_ = 0;  ///< of the estimates of expanded nodes, summed
  float limit_ = infinity;
  unsigned copies_ = 0;  ///< of expanded nodes that came up
};

template <class Rows>
__global__ void fused_search_kernel(RowsView rows, LayerView layer, TailsView tails,
                                    QueriesView queries, FusedShape shape, Found* found,
                                    unsigned long long* counts) {
  const auto [lane, warp, number] = QueryWarp{};
  if (number >= shape.queries) return;
  unsigned char* memory = shared_memory() + warp * shape.warp_bytes;
  const QueryAtHand query = load_query(queries, number, memory, lane, warp_size);
  __syncwarp();
  FusedWalk<Rows> walk(query, rows, layer, tails, shape, memory + queries.query_bytes, lane);
  walk.enter();
  while (walk.expand()) {
  }
  walk.rest();

  write_found(walk.best(), walk.counts(), shape.capacity,
              found + std::size_t{number} * shape.capacity, counts, lane);
}

}  // namespace

std::size_t fused_search_bytes(std::size_t query_bytes, std::uint32_t words, std::size_t capacity) {
  const std::size_t bytes = query_bytes + table_bytes(words) + pool_bytes(candidates_of(capacity)) +
                            pool_bytes(capacity) + walk_scratch_bytes;
  return QueryWarp::in_block * ((bytes + 15) / 16 * 16);
}

void search_fused(const KindOfRows& kind, const RowsView& rows, const LayerView& layer,
                  const TailsView& tails, const QueriesView& queries, const SearchRequest& request,
                  const FusedStop& stop, Stream stream) {
  const std::size_t block_bytes =
      fused_search_bytes(queries.query_bytes, tails.shape.words, request.capacity);
  const FusedShape shape{request.queries,
                         request.window,
                         request.capacity,
                         candidates_of(request.capacity),
                         stop,
                         block_bytes / QueryWarp::in_block};
  const auto start = [&](auto row_kind) {
    launch("search_fused", fused_search_kernel<decltype(row_kind)>,
           grid_of_queries(shape.queries, shape.warp_bytes), stream, rows, layer, tails, queries,
           shape, static_cast<Found*>(request.found), request.counts);
  };
  if (kind.type == kernels::RowType::lvq8)
    start(CodeRows<Bytes>{});
  else
    start(CodeRows<Nibbles>{});
}

}  // namespace vecinal::cuda
