// Exact search by rows: every query against every row, as for few queries reading the rows once is
// all that can be done. A block of four warps has one query and every splits-th piece of 128 rows;
// there are as many blocks as run at once, so that none waits for another to end. Each warp keeps
// the best it has seen (warp_pool.hpp), those of a block are joined, and a second kernel merges the
// lists of all blocks: one block a query, whose warps share the lists. Most rows are turned away by
// one comparison with the last entry. Shared memory of a warp: the pool and 272 bytes; of a block:
// one query. The lists have a total order, so results depend on neither splits nor batches.
#include "scan.hpp"

#include "warp_pool.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned warps_a_block = 4;

struct ScanShape {
  unsigned rows = 0;
  unsigned most = 0;
  std::size_t warp_bytes = 0;
};

std::size_t warp_bytes(std::size_t most) {
  return (pool_bytes(most) + (2 * warp_size + 1) * sizeof(std::uint32_t) + 15) / 16 * 16;
}

/// Blocks that share a query, where so many run at once; each has a few pieces at least.
unsigned splits_of(const ScanRequest& request, unsigned together) {
  const unsigned pieces =
      (request.rows + warps_a_block * warp_size - 1) / (warps_a_block * warp_size);
  const unsigned wanted = together / request.queries;
  const unsigned most = pieces / 2 + 1;
  return wanted < 1 ? 1 : wanted < most ? wanted : most;
}

/// Offers what up to 32 sorted lists of `length` keys, one behind another, may still give: the
/// first keys of all lists, then those behind them, until none may be kept.
__device__ void offer_lists(WarpPool& pool, const std::uint64_t* keys, unsigned lists,
                            unsigned length, unsigned lane) {
  unsigned together = 1;  // lists that have lanes, the others being for more keys of each
  while (together < lists) together *= 2;
  const unsigned list = lane % together;
  for (unsigned first = 0; first < length; first += warp_size / together) {
    const unsigned at = first + lane / together;
    const bool there = list < lists && at < length;
    const std::uint64_t key = there ? keys[static_cast<std::size_t>(list) * length + at] : no_key;
    if (!__any_sync(all_lanes, key < pool.limit())) return;
    pool.offer(key, lane);
  }
}

/// The pool of warp 0 gets the best of those of all warps of the block, which lie `pitch` bytes
/// apart in shared memory and have 4 bytes of their own at the end of that.
__device__ void join_pools(WarpPool& pool, unsigned char* pools, std::size_t pitch, unsigned warp,
                           unsigned warps, unsigned lane) {
  const auto size_of = [&](unsigned number) {
    return reinterpret_cast<unsigned*>(pools + (number + 1) * pitch - sizeof(unsigned));
  };
  for (unsigned step = 1; step < warps; step *= 2) {
    if (lane == 0 && warp % (2 * step) == step) *size_of(warp) = pool.size();  // read next, once
    __syncthreads();
    if (warp % (2 * step) == 0 && warp + step < warps)
      offer_lists(pool, reinterpret_cast<const std::uint64_t*>(pools + (warp + step) * pitch), 1,
                  *size_of(warp + step), lane);
  }
}

template <class Rows>
__global__ void scan_kernel(RowsView rows, QueriesView queries, ScanShape shape,
                            const std::uint32_t* slots, std::uint64_t* partial) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned warp = threadIdx.x / warp_size;
  unsigned char* memory = shared_memory();
  const QueryAtHand query = load_query(queries, blockIdx.y, memory, threadIdx.x, blockDim.x);
  memory += queries.query_bytes;
  unsigned char* mine = memory + warp * shape.warp_bytes;
  WarpPool pool(mine, shape.most);
  auto* listed = reinterpret_cast<std::uint32_t*>(mine + pool_bytes(shape.most));
  auto* scores = reinterpret_cast<float*>(listed + warp_size);
  unsigned waiting = 0;
  __syncthreads();
  const unsigned step = gridDim.x * warps_a_block * warp_size;
  for (unsigned first = (blockIdx.x * warps_a_block + warp) * warp_size; first < shape.rows;
       first += step) {
    const unsigned count = shape.rows - first < warp_size ? shape.rows - first : warp_size;
    if (lane < count) listed[lane] = slots == nullptr ? first + lane : slots[first + lane];
    __syncwarp();
    score_slots<Rows>(query, rows, listed, count, scores, lane);
    __syncwarp();
    pool.gather(lane < count ? key_of(scores[lane], listed[lane]) : no_key, waiting, lane);
  }
  pool.settle(waiting, lane);
  join_pools(pool, memory, shape.warp_bytes, warp, warps_a_block, lane);
  if (warp != 0) return;
  const std::size_t list = std::size_t{blockIdx.y} * gridDim.x + blockIdx.x;
  std::uint64_t* to = partial + list * shape.most;
  for (unsigned i = lane; i < shape.most; i += warp_size)
    to[i] = i < pool.size() ? pool[i] : no_key;
}

/// Shared memory of a warp that merges.
__host__ __device__ std::size_t merged_bytes(std::size_t most) {
  return pool_bytes(most) + sizeof(std::uint64_t);
}

/// The best of `lists` lists of each query: each warp takes every warps-th 32 of them.
__global__ void merge_kernel(const std::uint64_t* partial, unsigned lists, unsigned most,
                             Found* found) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned warp = threadIdx.x / warp_size;
  const unsigned warps = blockDim.x / warp_size;
  const std::size_t pitch = merged_bytes(most);
  unsigned char* memory = shared_memory();
  WarpPool pool(memory + warp * pitch, most);
  const std::uint64_t* from = partial + static_cast<std::size_t>(blockIdx.x) * lists * most;
  for (unsigned first = warp * warp_size; first < lists; first += warps * warp_size)
    offer_lists(pool, from + static_cast<std::size_t>(first) * most,
                lists - first < warp_size ? lists - first : warp_size, most, lane);
  join_pools(pool, memory, pitch, warp, warps, lane);
  if (warp != 0) return;
  Found* to = found + static_cast<std::size_t>(blockIdx.x) * most;
  for (unsigned i = lane; i < most; i += warp_size)
    to[i] = found_of(i < pool.size() ? pool[i] : no_key);
}

}  // namespace

std::size_t scan_bytes(std::size_t query_bytes, std::size_t most) {
  return query_bytes + warps_a_block * warp_bytes(most);
}

std::size_t scan_workspace(const ScanRequest& request) {
  constexpr unsigned most_threads = 2048;  // of a multiprocessor
  const unsigned together =
      device_info().multiprocessors * (most_threads / (warps_a_block * warp_size));
  return std::size_t{request.queries} * splits_of(request, together) * request.most *
         sizeof(std::uint64_t);
}

void scan(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
          const ScanRequest& request, void* workspace, Stream stream) {
  const ScanShape shape{request.rows, request.most, warp_bytes(request.most)};
  auto* partial = static_cast<std::uint64_t*>(workspace);
  Grid grid{{1, request.queries, 1},
            warps_a_block * warp_size,
            scan_bytes(queries.query_bytes, request.most)};
  with_rows(kind.type, kind.op, [&](auto row_kind) {
    auto* kernel = scan_kernel<decltype(row_kind)>;
    grid.blocks.x = splits_of(request, blocks_at_once(kernel, grid));
    launch("scan", kernel, grid, stream, rows, queries, shape, request.slots, partial);
  });
  merge_lists(partial, grid.blocks.x, request, stream);
}

unsigned even_splits(unsigned panels, unsigned most, unsigned together) {
  const auto used = [&](unsigned splits) {
    const unsigned rounds = (panels * splits + together - 1) / together;
    return static_cast<double>(panels) * splits / (static_cast<double>(rounds) * together);
  };
  const unsigned useful = 4 * together / panels + 1;
  unsigned best = 1;
  for (unsigned splits = 2; splits <= most && splits <= useful; ++splits)
    if (used(splits) > used(best) + 0.04) best = splits;
  return best;
}

void merge_lists(const std::uint64_t* partial, unsigned lists, const ScanRequest& request,
                 Stream stream) {
  const std::size_t pitch = merged_bytes(request.most);
  unsigned warps = 1;
  while (warps < warp_size && warps * warp_size < lists &&
         2 * warps * pitch <= device_info().shared_bytes)
    warps *= 2;
  launch("merge", merge_kernel, Grid{{request.queries, 1, 1}, warps * warp_size, warps * pitch},
         stream, partial, lists, request.most, static_cast<Found*>(request.found));
}

}  // namespace vecinal::cuda
