// Exact search by rows: every query against every row, as for few queries reading the rows once is
// all that can be done. A block of four warps has one query and every splits-th piece of 128 rows;
// each warp keeps the best it has seen (warp_pool.hpp), and a second kernel merges the lists of all
// warps. Most rows are turned away by one comparison with the last entry. Shared memory of a warp:
// the pool and 256 bytes; of a block: one query. The lists have a total order, so results depend on
// neither splits nor batches.
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
  return (pool_bytes(most) + 2 * warp_size * sizeof(std::uint32_t) + 15) / 16 * 16;
}

/// Blocks that share a query: enough to fill the device, each with a few pieces at least.
unsigned splits_of(const ScanRequest& request) {
  const unsigned pieces =
      (request.rows + warps_a_block * warp_size - 1) / (warps_a_block * warp_size);
  const unsigned wanted = 8 * device_info().multiprocessors / request.queries + 1;
  const unsigned most = pieces / 8 + 1;
  return wanted < most ? wanted : most;
}

template <class Rows>
__global__ void scan_kernel(RowsView rows, QueriesView queries, ScanShape shape,
                            const std::uint32_t* slots, std::uint64_t* partial) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned warp = threadIdx.x / warp_size;
  unsigned char* memory = shared_memory();
  const QueryAtHand query = load_query(queries, blockIdx.y, memory, threadIdx.x, blockDim.x);
  memory += queries.query_bytes + warp * shape.warp_bytes;
  WarpPool pool(memory, shape.most);
  auto* listed = reinterpret_cast<std::uint32_t*>(memory + pool_bytes(shape.most));
  auto* scores = reinterpret_cast<float*>(listed + warp_size);
  __syncthreads();
  const unsigned step = gridDim.x * warps_a_block * warp_size;
  for (unsigned first = (blockIdx.x * warps_a_block + warp) * warp_size; first < shape.rows;
       first += step) {
    const unsigned count = shape.rows - first < warp_size ? shape.rows - first : warp_size;
    if (lane < count) listed[lane] = slots == nullptr ? first + lane : slots[first + lane];
    __syncwarp();
    score_slots<Rows>(query, rows, listed, count, scores, lane);
    __syncwarp();
    pool.offer(lane < count ? key_of(scores[lane], listed[lane]) : no_key, lane);
    __syncwarp();
  }
  const unsigned list = (blockIdx.y * gridDim.x + blockIdx.x) * warps_a_block + warp;
  std::uint64_t* to = partial + static_cast<std::size_t>(list) * shape.most;
  for (unsigned i = lane; i < shape.most; i += warp_size)
    to[i] = i < pool.size() ? pool[i] : no_key;
}

/// The best of `lists` lists of each query: one warp a query.
__global__ void merge_kernel(const std::uint64_t* partial, unsigned lists, unsigned most,
                             Found* found) {
  const unsigned lane = threadIdx.x;
  WarpPool pool(shared_memory(), most);
  const std::uint64_t* from = partial + static_cast<std::size_t>(blockIdx.x) * lists * most;
  for (unsigned list = 0; list < lists; ++list) {
    for (unsigned first = 0; first < most; first += warp_size) {
      const std::uint64_t key =
          first + lane < most ? from[static_cast<std::size_t>(list) * most + first + lane] : no_key;
      if (!__any_sync(all_lanes, key < pool.limit())) break;
      pool.offer(key, lane);
    }
  }
  Found* to = found + static_cast<std::size_t>(blockIdx.x) * most;
  for (unsigned i = lane; i < most; i += warp_size)
    to[i] = found_of(i < pool.size() ? pool[i] : no_key);
}

}  // namespace

std::size_t scan_bytes(std::size_t query_bytes, std::size_t most) {
  return query_bytes + warps_a_block * warp_bytes(most);
}

std::size_t scan_workspace(const ScanRequest& request) {
  return std::size_t{request.queries} * splits_of(request) * warps_a_block * request.most *
         sizeof(std::uint64_t);
}

void scan(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
          const ScanRequest& request, void* workspace, Stream stream) {
  const unsigned splits = splits_of(request);
  const ScanShape shape{request.rows, request.most, warp_bytes(request.most)};
  auto* partial = static_cast<std::uint64_t*>(workspace);
  with_rows(kind.type, kind.op, [&](auto row_kind) {
    launch("scan", scan_kernel<decltype(row_kind)>,
           Grid{{splits, request.queries, 1},
                warps_a_block * warp_size,
                scan_bytes(queries.query_bytes, request.most)},
           stream, rows, queries, shape, request.slots, partial);
  });
  merge_lists(partial, splits * warps_a_block, request, stream);
}

void merge_lists(const std::uint64_t* partial, unsigned lists, const ScanRequest& request,
                 Stream stream) {
  launch("merge", merge_kernel, Grid{{request.queries, 1, 1}, warp_size, pool_bytes(request.most)},
         stream, partial, lists, request.most, static_cast<Found*>(request.found));
}

}  // namespace vecinal::cuda
