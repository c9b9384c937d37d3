// Exact search for many queries: a block of eight warps has a panel of 32 queries in shared memory
// and streams the rows past it, 256 at a time, 32 a warp. Their scores go to shared memory, where
// each warp looks after four of the queries: what is no better than the last entry of a query's
// list is turned away by one comparison. Blocks that share a panel take every splits-th piece of
// 256 rows; the lists of all are merged as those of scan.cu are.
//
// All are multiplied on tensor cores: codes exactly (code_panel.hpp), and scores have the CPU's
// bits; floats as pairs of halves (split_panel.hpp), squared distances by way of the norms. Shared
// memory: the panel (64 bytes a dim of codes, 128 of floats), 33 KiB of scores, 8 bytes an entry of
// each list and 384 beside them.
#include "panel_scan.hpp"

#include <algorithm>

#include "code_panel.hpp"
#include "norms.hpp"
#include "split_panel.hpp"
#include "warp_pool.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned warps_a_block = 8;
constexpr unsigned threads_a_block = warps_a_block * warp_size;
constexpr unsigned tile_rows = 16 * PanelTile::row_tiles;
constexpr unsigned piece = warps_a_block * tile_rows;  ///< rows of a step of a block
constexpr unsigned score_pitch = piece + 1;
constexpr unsigned lists_a_warp = panel_vectors / warps_a_block;

struct PanelShape {
  unsigned queries = 0;
  unsigned rows = 0;
  unsigned most = 0;
  std::size_t panel_bytes = 0;
  std::size_t list_bytes = 0;
};

/// What a step needs to know of the rows and queries.
struct PanelInputs {
  RowsView rows;
  QueriesView queries;
  const std::uint32_t* slots;
  const float* query_norms;  ///< squared
};

__device__ std::uint32_t slot_at(const PanelInputs& in, const PanelShape& shape, unsigned i) {
  const unsigned at = i < shape.rows ? i : shape.rows - 1;
  return in.slots == nullptr ? at : in.slots[at];
}

/// One level of codes: <steps, row> of all rows and queries of the tile that a lane has.
using LaneDots = float[CodeTile::row_tiles][2][8];

template <class Codes>
__device__ void code_dots(const TileRows& rows, const PanelInputs& in, unsigned first_query,
                          const PanelShape& shape, const unsigned* panel, unsigned lane,
                          LaneDots& dots) {
  CodeTile tile = {};
  add_code_rows<Codes, 4>(tile, rows, in.rows.padded_dim / 32, panel, lane);
#pragma unroll
  for (unsigned j = 0; j < 8; ++j) {
    const unsigned query = first_query + CodeTile::vector(lane, j);
    const float sum = query < shape.queries ? in.queries.scales[3 * query + 1] : 0;
#pragma unroll
    for (unsigned m = 0; m < CodeTile::row_tiles; ++m)
#pragma unroll
      for (unsigned half = 0; half < 2; ++half) {
        const unsigned header = *reinterpret_cast<const unsigned*>(rows[m][half] + code_header_at);
        dots[m][half][j] = level_product(header, static_cast<int>(tile.whole(m, half, j)), sum);
      }
  }
}

__device__ void row_starts(const unsigned char* data, std::size_t pitch, const PanelInputs& in,
                           const PanelShape& shape, unsigned first, unsigned lane, TileRows& rows) {
#pragma unroll
  for (unsigned m = 0; m < CodeTile::row_tiles; ++m)
#pragma unroll
    for (unsigned half = 0; half < 2; ++half)
      rows[m][half] = data + slot_at(in, shape, first + CodeTile::row(lane, m, half)) * pitch;
}

/// Kinds of rows: pack() makes word `at` of a panel, and tile() the scores of 32 rows from `first`
/// with the panel, into scores[vector * score_pitch + row].
template <class Rows>
struct PanelRows;

struct CodePanel {
  __device__ static unsigned pack(const QueriesView& queries, unsigned first, unsigned count,
                                  unsigned at) {
    return panel_word(
        [&](unsigned vector) {
          return first + vector < count
                     ? reinterpret_cast<const std::uint16_t*>(
                           queries.values + std::size_t{first + vector} * queries.query_bytes)
                     : nullptr;
        },
        at);
  }

  __device__ static void write(const TileRows& rows, const LaneDots& dots, const PanelInputs& in,
                               const PanelShape& shape, unsigned first_query, unsigned lane,
                               float* scores) {
#pragma unroll
    for (unsigned j = 0; j < 8; ++j) {
      const unsigned vector = CodeTile::vector(lane, j);
      const unsigned query = first_query + vector < shape.queries ? first_query + vector : 0;
      const float scale = in.queries.scales[3 * query];
      const float constant = in.queries.scales[3 * query + 2];
#pragma unroll
      for (unsigned m = 0; m < CodeTile::row_tiles; ++m)
#pragma unroll
        for (unsigned half = 0; half < 2; ++half)
          scores[vector * score_pitch + CodeTile::row(lane, m, half)] =
              code_score({nullptr, scale, 0, constant}, rows[m][half], dots[m][half][j]);
    }
  }
};

template <class Codes>
struct PanelRows<CodeRows<Codes>> : CodePanel {
  __device__ static void tile(const PanelInputs& in, const PanelShape& shape, unsigned first,
                              unsigned first_query, const unsigned* panel, unsigned lane,
                              float* scores) {
    TileRows rows;
    row_starts(in.rows.data, in.rows.pitch, in, shape, first, lane, rows);
    LaneDots dots;
    code_dots<Codes>(rows, in, first_query, shape, panel, lane, dots);
    write(rows, dots, in, shape, first_query, lane, scores);
  }
};

template <class First, class Second>
struct PanelRows<LevelRows<First, Second>> : CodePanel {
  __device__ static void tile(const PanelInputs& in, const PanelShape& shape, unsigned first,
                              unsigned first_query, const unsigned* panel, unsigned lane,
                              float* scores) {
    TileRows rows;
    LaneDots base;
    row_starts(in.rows.base, in.rows.base_pitch, in, shape, first, lane, rows);
    code_dots<First>(rows, in, first_query, shape, panel, lane, base);
    LaneDots dots;
    row_starts(in.rows.data, in.rows.pitch, in, shape, first, lane, rows);
    code_dots<Second>(rows, in, first_query, shape, panel, lane, dots);
#pragma unroll
    for (unsigned m = 0; m < CodeTile::row_tiles; ++m)
#pragma unroll
      for (unsigned half = 0; half < 2; ++half)
#pragma unroll
        for (unsigned j = 0; j < 8; ++j)
          dots[m][half][j] = __fadd_rn(base[m][half][j], dots[m][half][j]);
    write(rows, dots, in, shape, first_query, lane, scores);
  }
};

/// A product as a score of query and row.
__device__ inline float score_of(float dot, const PanelInputs& in, unsigned query,
                                 std::uint32_t slot, SquaredL2) {
  return in.query_norms[query] + in.rows.norms[slot] - 2.0F * dot;
}
__device__ inline float score_of(float dot, const PanelInputs&, unsigned, std::uint32_t,
                                 NegativeDot) {
  return -dot;
}

template <class Values, class Op>
struct PanelRows<FloatRows<Values, Op>> {
  __device__ static unsigned pack(const QueriesView& queries, unsigned first, unsigned count,
                                  unsigned at) {
    return split_word(
        [&](unsigned vector) {
          return first + vector < count
                     ? reinterpret_cast<const unsigned*>(
                           queries.values + std::size_t{first + vector} * queries.query_bytes)
                     : nullptr;
        },
        at);
  }

  __device__ static void tile(const PanelInputs& in, const PanelShape& shape, unsigned first,
                              unsigned first_query, const unsigned* panel, unsigned lane,
                              float* scores) {
    TileRows rows;
    row_starts(in.rows.data, in.rows.pitch, in, shape, first, lane, rows);
    const SumTile tile = multiply_split<Values, 4>(rows, in.rows.padded_dim, panel, lane);
#pragma unroll
    for (unsigned j = 0; j < 8; ++j) {
      const unsigned vector = SumTile::vector(lane, j);
      const unsigned query = first_query + vector < shape.queries ? first_query + vector : 0;
#pragma unroll
      for (unsigned m = 0; m < SumTile::row_tiles; ++m)
#pragma unroll
        for (unsigned half = 0; half < 2; ++half) {
          const unsigned row = SumTile::row(lane, m, half);
          scores[vector * score_pitch + row] =
              score_of(tile.sum(m, half, j), in, query, slot_at(in, shape, first + row), Op{});
        }
    }
  }
};

/// A list between pieces: WarpPool's.
struct ListState {
  unsigned size = 0;
  unsigned waiting = 0;
};

/// The vector of the panel whose list is number l of those that a warp looks after; of few queries
/// every warp has some.
__device__ unsigned list_vector(unsigned warp, unsigned l) { return l * warps_a_block + warp; }

/// Offers the scores of a piece to the lists that a warp looks after.
__device__ void offer_piece(const PanelInputs& in, const PanelShape& shape, const float* scores,
                            unsigned first, unsigned first_query, unsigned char* lists,
                            ListState (&states)[lists_a_warp], unsigned warp, unsigned lane) {
#pragma unroll
  for (unsigned l = 0; l < lists_a_warp; ++l) {
    const unsigned vector = list_vector(warp, l);
    if (first_query + vector >= shape.queries) break;
    WarpPool pool(lists + vector * shape.list_bytes, shape.most, states[l].size);
    for (unsigned row = lane; row < piece; row += warp_size) {
      const bool there = first + row < shape.rows;
      const std::uint32_t slot = there ? slot_at(in, shape, first + row) : 0;
      pool.gather(there ? key_of(scores[vector * score_pitch + row], slot) : no_key,
                  states[l].waiting, lane);
    }
    states[l].size = pool.size();
  }
}

template <class Rows>
__global__ void __launch_bounds__(threads_a_block, 1)
    panel_scan_kernel(PanelInputs in, PanelShape shape, std::uint64_t* partial) {
  using Kind = PanelRows<Rows>;
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned warp = threadIdx.x / warp_size;
  const unsigned first_query = blockIdx.y * panel_vectors;
  unsigned char* memory = shared_memory();
  auto* panel = reinterpret_cast<unsigned*>(memory);
  unsigned char* lists = memory + shape.panel_bytes;
  auto* scores = reinterpret_cast<float*>(lists + panel_vectors * shape.list_bytes);
  for (unsigned i = threadIdx.x; i < shape.panel_bytes / sizeof(unsigned); i += blockDim.x)
    panel[i] = Kind::pack(in.queries, first_query, shape.queries, i);
  __syncthreads();
  ListState states[lists_a_warp];
  for (unsigned first = blockIdx.x * piece; first < shape.rows; first += gridDim.x * piece) {
    Kind::tile(in, shape, first + warp * tile_rows, first_query, panel, lane,
               scores + warp * tile_rows);
    __syncthreads();
    offer_piece(in, shape, scores, first, first_query, lists, states, warp, lane);
    __syncthreads();
  }
#pragma unroll
  for (unsigned l = 0; l < lists_a_warp; ++l) {
    const unsigned vector = list_vector(warp, l);
    const unsigned query = first_query + vector;
    if (query >= shape.queries) break;
    WarpPool pool(lists + vector * shape.list_bytes, shape.most, states[l].size);
    pool.settle(states[l].waiting, lane);
    std::uint64_t* to =
        partial + (static_cast<std::size_t>(query) * gridDim.x + blockIdx.x) * shape.most;
    for (unsigned i = lane; i < shape.most; i += warp_size)
      to[i] = i < pool.size() ? pool[i] : no_key;
  }
}

std::size_t list_bytes(std::size_t most) { return (pool_bytes(most) + 15) / 16 * 16; }

unsigned panels_of(const ScanRequest& request) {
  return (request.queries + panel_vectors - 1) / panel_vectors;
}

unsigned splits_of(const ScanRequest& request) {
  return even_splits(panels_of(request), (request.rows + piece - 1) / piece / 4 + 1,
                     device_info().multiprocessors);  // blocks at once, by their shared memory
}

bool are_codes(const KindOfRows& kind) {
  return kind.type != kernels::RowType::f32 && kind.type != kernels::RowType::f16;
}

/// Of a dim of a panel: two bytes of a step, or a float, of each query.
std::size_t panel_dim_bytes(const KindOfRows& kind) {
  return panel_vectors * (are_codes(kind) ? sizeof(std::int16_t) : sizeof(float));
}

std::size_t partial_bytes(const ScanRequest& request) {
  return std::size_t{request.queries} * splits_of(request) * request.most * sizeof(std::uint64_t);
}

}  // namespace

std::size_t panel_scan_bytes(const KindOfRows& kind, std::size_t padded_dim, std::size_t most) {
  return padded_dim * panel_dim_bytes(kind) + panel_vectors * list_bytes(most) +
         panel_vectors * score_pitch * sizeof(float);
}

std::size_t panel_scan_workspace(const ScanRequest& request) {
  return partial_bytes(request) + request.queries * sizeof(float);
}

void panel_scan(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
                const ScanRequest& request, void* workspace, Stream stream) {
  auto* partial = static_cast<std::uint64_t*>(workspace);
  auto* query_norms =
      reinterpret_cast<float*>(static_cast<unsigned char*>(workspace) + partial_bytes(request));
  if (!are_codes(kind))
    take_norms(kernels::RowType::f32,
               {queries.values, queries.query_bytes, rows.padded_dim, request.queries}, query_norms,
               stream);
  const unsigned splits = splits_of(request);
  const std::size_t panel = rows.padded_dim * panel_dim_bytes(kind);
  const PanelShape shape{request.queries, request.rows, request.most, panel,
                         list_bytes(request.most)};
  with_rows(kind.type, kind.op, [&](auto row_kind) {
    launch("panel_scan", panel_scan_kernel<decltype(row_kind)>,
           Grid{{splits, panels_of(request), 1},
                threads_a_block,
                panel_scan_bytes(kind, rows.padded_dim, request.most)},
           stream, PanelInputs{rows, queries, request.slots, query_norms}, shape, partial);
  });
  merge_lists(partial, splits, request, stream);
}

}  // namespace vecinal::cuda
