// What becomes of the rows that pass a screen: after each batch one warp a query keeps the best of
// them; after the last it scores these again by the rows themselves, and finds out whether rows
// that were turned away could matter.
#include "screen_scan.hpp"
#include "warp_pool.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned warps_a_block = 4;

struct SettleShape {
  ScreenShape screen;
  unsigned most = 0;
  std::size_t warp_bytes = 0;  ///< shared memory of a warp
};

Grid grid_of(const SettleShape& shape) {
  return {{(shape.screen.queries + warps_a_block - 1) / warps_a_block, 1, 1},
          warps_a_block * warp_size,
          warps_a_block * shape.warp_bytes};
}

__global__ void tighten_kernel(SettleShape shape, ScreenMemory memory) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned warp = threadIdx.x / warp_size;
  const unsigned number = blockIdx.x * warps_a_block + warp;
  if (number >= shape.screen.queries) return;
  WarpPool best(shared_memory() + warp * shape.warp_bytes, shape.screen.kept);
  std::uint64_t* passed =
      memory.passed + static_cast<std::size_t>(number) * shape.screen.most_passed;
  const unsigned count = memory.passed_counts[number];
  unsigned waiting = 0;
  for (unsigned first = 0; first < count; first += warp_size)
    best.gather(first + lane < count ? passed[first + lane] : no_key, waiting, lane);
  best.settle(waiting, lane);
  for (unsigned i = lane; i < best.size(); i += warp_size) passed[i] = best[i];
  if (lane != 0) return;
  memory.passed_counts[number] = best.size();
  if (best.size() < shape.screen.kept) return;
  const auto last = static_cast<unsigned>(best[shape.screen.kept - 1] >> 32U);
  if (last < memory.limits[number]) memory.limits[number] = last;
}

/// How far a screened score may be from that of the row: what the halves leave of query and rows,
/// and the rounding of both sums.
__device__ float bound_of(const QueryTerms& query, const RowExtremes& rows, unsigned dims) {
  const float length = __uint_as_float(rows.length);
  const float residual = __uint_as_float(rows.residual);
  const float halves = query.residual * length + (query.length + query.residual) * residual;
  const float sums = query.weight * query.length * __uint_as_float(rows.gross) +
                     fabsf(query.constant) + __uint_as_float(rows.bias);
  return 1.01F * (query.weight * halves + (static_cast<float>(dims) / 8 + 32) * 0x1p-22F * sums);
}

template <class Rows>
__global__ void settle_kernel(RowsView rows, QueriesView queries, SettleShape shape,
                              ScreenMemory memory, Found* found, unsigned* open) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned warp = threadIdx.x / warp_size;
  const unsigned number = blockIdx.x * warps_a_block + warp;
  if (number >= shape.screen.queries) return;
  unsigned char* mine = shared_memory() + warp * shape.warp_bytes;
  const QueryAtHand query = load_query(queries, number, mine, lane, warp_size);
  mine += queries.query_bytes;
  WarpPool best(mine, shape.most);
  auto* slots = reinterpret_cast<std::uint32_t*>(mine + pool_bytes(shape.most));
  auto* scores = reinterpret_cast<float*>(slots + warp_size);
  __syncwarp();

  const std::uint64_t* passed =
      memory.passed + static_cast<std::size_t>(number) * shape.screen.most_passed;
  const unsigned kept = memory.passed_counts[number];
  for (unsigned first = 0; first < kept; first += warp_size) {
    const unsigned count = kept - first < warp_size ? kept - first : warp_size;
    if (lane < count) slots[lane] = node_of(passed[first + lane]);
    __syncwarp();
    score_slots<Rows>(query, rows, slots, count, scores, lane);
    __syncwarp();
    best.offer(lane < count ? key_of(scores[lane], slots[lane]) : no_key, lane);
    __syncwarp();
  }

  Found* to = found + static_cast<std::size_t>(number) * shape.most;
  for (unsigned i = lane; i < shape.most; i += warp_size)
    to[i] = found_of(i < best.size() ? best[i] : no_key);
  if (lane != 0) return;
  const QueryTerms terms = memory.query_terms[number];
  // No row that was turned away has a screened score below the limit.
  const float limit = score_of(static_cast<std::uint64_t>(memory.limits[number]) << 32U);
  const float nearest =
      limit + terms.constant - bound_of(terms, *memory.extremes, shape.screen.dims);
  const bool certain = best.size() == shape.most && score_of(best[shape.most - 1]) < nearest;
  open[number] = certain ? 0 : 1;
}

}  // namespace

void tighten_limits(const ScreenShape& shape, const ScreenMemory& memory, Stream stream) {
  const SettleShape settle{shape, 0, (pool_bytes(shape.kept) + 15) / 16 * 16};
  launch("tighten_limits", tighten_kernel, grid_of(settle), stream, settle, memory);
}

void settle_screen(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
                   const ScreenShape& shape, const ScreenMemory& memory, const ScanRequest& request,
                   unsigned* open, Stream stream) {
  const std::size_t bytes =
      queries.query_bytes + pool_bytes(request.most) + 2 * warp_size * sizeof(std::uint32_t);
  const SettleShape settle{shape, request.most, (bytes + 15) / 16 * 16};
  with_rows(kind.type, kind.op, [&](auto row_kind) {
    launch("settle_screen", settle_kernel<decltype(row_kind)>, grid_of(settle), stream, rows,
           queries, settle, memory, static_cast<Found*>(request.found), open);
  });
}

}  // namespace vecinal::cuda
