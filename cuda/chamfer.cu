// Chamfer similarity (MaxSim) of queries with stored sets: one warp a set, eight sets of one query
// a block. The query lies in panels of 32 vectors; a panel stays in shared memory (4 bytes a value
// of floats, 2 of codes; in global memory where it does not fit) while every warp streams the rows
// of its set past it, 32 at a time. Of the products only the greatest of each query vector is kept,
// in registers: no matrix of them exists. Longer queries pass panel by panel.
//
// float32: float_tile.hpp, 4.5 KiB of shared memory a warp. Other rows come by way of
// row_stage.hpp, 10 KiB a warp, as reading them is what takes the time. Codes: a step of the query
// is 16 bits, 256 times a signed byte and an unsigned one, so tensor cores take the products of
// both bytes with the codes (byte_tile.hpp) and the sums are exact. Greatest products are then
// summed in double, in the order of the query's vectors: scores have the bits of the CPU's that
// fuses multiply-adds. float16: tensor cores too, values of the query as pairs of halves
// (half_panel.hpp), whose products are off by 2^-21 of the norms' at most.
#include "chamfer.hpp"

#include <limits>

#include "code_panel.hpp"
#include "float_tile.hpp"
#include "half_panel.hpp"
#include "row_stage.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned warps_a_block = 8;
constexpr float most_float = std::numeric_limits<float>::max();

/// Greatest products so far, of the eight vectors of the panel that a lane has.
using Best = float[8];

__device__ void raise(float& best, float product) { best = product > best ? product : best; }

/// Word `at` of a panel is word(at); all threads of the block.
template <class Word>
__device__ void for_words(unsigned char* panel, unsigned count, Word word) {
  for (unsigned i = threadIdx.x; i < count; i += blockDim.x)
    reinterpret_cast<unsigned*>(panel)[i] = word(i);
}

struct FloatTokens {
  static constexpr std::size_t warp_bytes = slab_bytes;
  __device__ static void pack(const SetQueriesView& queries, const QueryTile& tile,
                              unsigned padded_dim, unsigned char* panel) {
    const auto* values = reinterpret_cast<const unsigned*>(queries.values);
    for_words(panel, padded_dim * tile_vectors, [&](unsigned at) {
      const unsigned vector = at % tile_vectors;
      return vector < tile.count
                 ? values[std::size_t{tile.first + vector} * padded_dim + at / tile_vectors]
                 : 0;
    });
  }

  __device__ static double unit(const SetQueriesView&, const QueryTile&, const unsigned char*,
                                unsigned, unsigned) {
    return 1;
  }

  /// Which lane has the greatest product of a vector of the panel, and where.
  __device__ static unsigned lane_of(unsigned vector) { return vector / 8; }
  __device__ static unsigned place_of(unsigned vector) { return vector % 8; }

  __device__ static void raise_all(const RowsView& tokens, Range set, const SetQueriesView&,
                                   const QueryTile&, const unsigned char* panel,
                                   unsigned char* memory, unsigned lane, Best& best) {
    for (unsigned first = set.begin; first < set.end; first += tile_rows) {
      const unsigned last = set.end - 1;  // rows past it are the last one: a maximum does not mind
      const FloatTile tile = multiply_tile(
          [&](unsigned row, unsigned d) {
            const std::size_t slot = first + row < last ? first + row : last;
            return F32Values::load(tokens.data + slot * tokens.pitch, d);
          },
          tokens.padded_dim, reinterpret_cast<const float*>(panel),
          reinterpret_cast<float*>(memory), lane);
#pragma unroll
      for (unsigned i = 0; i < FloatTile::rows; ++i)
#pragma unroll
        for (unsigned j = 0; j < FloatTile::columns; ++j) raise(best[j], tile.sums[i][j]);
    }
  }
};

/// What panels for tensor cores have in common.
struct TileTokens {
  static constexpr std::size_t warp_bytes = row_stages_bytes;

  __device__ static unsigned lane_of(unsigned vector) { return vector % 8 / 2; }
  __device__ static unsigned place_of(unsigned vector) { return vector / 8 * 2 + vector % 2; }

  /// Values of the rows of a set, which begin at byte `begin` of each.
  __device__ static RowsToStage rows_of(const RowsView& tokens, Range set, unsigned begin,
                                        unsigned bytes) {
    return {tokens.data + std::size_t{set.begin} * tokens.pitch, tokens.pitch, set.end - set.begin,
            begin, bytes};
  }

  /// The part of a panel that a piece is multiplied by.
  __device__ static const unsigned* part_of(const unsigned char* panel, const StagedPiece& piece) {
    return reinterpret_cast<const unsigned*>(panel) +
           piece.at / panel_step_bytes * panel_step_words;
  }
};

/// Panels of pairs of halves: half_panel.hpp.
struct HalfTokens : TileTokens {
  __device__ static void pack(const SetQueriesView& queries, const QueryTile& tile,
                              unsigned padded_dim, unsigned char* panel) {
    const auto* values = reinterpret_cast<const float*>(queries.values);
    pack_half_panel(panel, padded_dim, [&](unsigned vector) {
      return vector < tile.count ? values + std::size_t{tile.first + vector} * padded_dim : nullptr;
    });
  }

  __device__ static double unit(const SetQueriesView&, const QueryTile&, const unsigned char* panel,
                                unsigned padded_dim, unsigned vector) {
    return *reinterpret_cast<const float*>(panel + half_unit_at(padded_dim, vector));
  }

  __device__ static void raise_all(const RowsView& tokens, Range set, const SetQueriesView&,
                                   const QueryTile&, const unsigned char* panel,
                                   unsigned char* stages, unsigned lane, Best& best) {
    SumTile tile = {};
    const auto add = [&](const StagedPiece& piece) {
      TileRows rows;
      piece.row_starts(lane, rows);
      if (piece.at == 0) tile = {};
      add_half_rows(tile, rows, piece.bytes / panel_step_bytes, part_of(panel, piece), lane);
      if (!piece.last) return;
#pragma unroll
      for (unsigned j = 0; j < 8; ++j)
#pragma unroll
        for (unsigned m = 0; m < SumTile::row_tiles; ++m)
#pragma unroll
          for (unsigned half = 0; half < 2; ++half) raise(best[j], tile.sum(m, half, j));
    };
    stream_pieces(rows_of(tokens, set, 0, tokens.padded_dim * 2), stages, lane, add);
  }
};

/// Panels of codes: code_panel.hpp.
struct CodeTokens : TileTokens {
  __device__ static void pack(const SetQueriesView& queries, const QueryTile& tile,
                              unsigned padded_dim, unsigned char* panel) {
    const auto* steps = reinterpret_cast<const std::uint16_t*>(queries.values);
    for_words(panel, padded_dim * panel_vectors / 2, [&](unsigned at) {
      return panel_word(
          [&](unsigned vector) {
            return vector < tile.count ? steps + std::size_t{tile.first + vector} * padded_dim
                                       : nullptr;
          },
          at);
    });
  }

  __device__ static double unit(const SetQueriesView& queries, const QueryTile& tile,
                                const unsigned char*, unsigned, unsigned vector) {
    return queries.scales[3 * (tile.first + vector)];
  }

  __device__ static void raise_all(const RowsView& tokens, Range set, const SetQueriesView& queries,
                                   const QueryTile& tile, const unsigned char* panel,
                                   unsigned char* stages, unsigned lane, Best& best) {
    CodeTile sums = {};
    unsigned headers[CodeTile::row_tiles][2] = {};
    const auto add = [&](const StagedPiece& piece) {
      TileRows rows;
      piece.row_starts(lane, rows);
      if (piece.at == 0) {
        sums = {};
#pragma unroll
        for (unsigned m = 0; m < CodeTile::row_tiles; ++m)
#pragma unroll
          for (unsigned half = 0; half < 2; ++half)
            headers[m][half] = *reinterpret_cast<const unsigned*>(rows[m][half] + code_header_at);
      }
      add_code_rows<Bytes, 0>(sums, rows, piece.bytes / panel_step_bytes, part_of(panel, piece),
                              lane);
      if (!piece.last) return;
#pragma unroll
      for (unsigned j = 0; j < 8; ++j) {
        const unsigned vector = CodeTile::vector(lane, j);
        const float sum = vector < tile.count ? queries.scales[3 * (tile.first + vector) + 1] : 0;
#pragma unroll
        for (unsigned m = 0; m < CodeTile::row_tiles; ++m)
#pragma unroll
          for (unsigned half = 0; half < 2; ++half)
            raise(best[j], product(headers[m][half], sums.whole(m, half, j), sum));
      }
    };
    stream_pieces(rows_of(tokens, set, code_begin, tokens.padded_dim), stages, lane, add);
  }

  /// step * (2 * <steps, codes> + offset * <steps, 1>), rounded as the CPU's multiply-adds are.
  __device__ static float product(unsigned header, unsigned whole, float sum) {
    const float step = __uint_as_float(header << 16U);
    const auto offset = static_cast<float>(static_cast<std::int16_t>(header >> 16U));
    return __fmul_rn(step,
                     __fmaf_rn(offset, sum, static_cast<float>(static_cast<int>(whole << 1U))));
  }
};

/// One tile a block.
template <class Tokens>
__global__ void pack_kernel(SetQueriesView queries, unsigned padded_dim) {
  Tokens::pack(queries, queries.tiles[blockIdx.x], padded_dim,
               queries.panels + blockIdx.x * queries.panel_bytes);
}

/// The greatest products of all rows, in every lane of those that have the same vectors.
__device__ void join_rows(Best& best) {
#pragma unroll
  for (int step = 4; step < 32; step *= 2)
#pragma unroll
    for (float& value : best) raise(value, __shfl_xor_sync(all_lanes, value, step));
}

/// Adds the greatest products of a panel, in the order of its vectors.
template <class Tokens>
__device__ double add_best(const SetQueriesView& queries, const QueryTile& tile,
                           const unsigned char* panel, unsigned padded_dim, const Best& best,
                           double sum) {
#pragma unroll
  for (unsigned vector = 0; vector < tile_vectors; ++vector) {
    const float value = __shfl_sync(all_lanes, best[Tokens::place_of(vector)],
                                    static_cast<int>(Tokens::lane_of(vector)));
    if (vector >= tile.count) continue;
    // A product of two float32 is exact in double.
    sum = __dadd_rn(sum, value * Tokens::unit(queries, tile, panel, padded_dim, vector));
  }
  return sum;
}

template <class Tokens, bool staged>
__global__ void __launch_bounds__(256, staged ? 2 : 1)
    chamfer_kernel(RowsView tokens, SetQueriesView queries, ChamferRequest request) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned warp = threadIdx.x / warp_size;
  const unsigned query = blockIdx.y;
  const std::uint64_t begin = query == 0 ? 0 : request.ends[query - 1];
  const std::uint64_t place = begin + std::uint64_t{blockIdx.x} * warps_a_block;
  if (place >= request.ends[query]) return;  // the whole block
  const std::uint64_t mine = place + warp;
  const bool ranks = mine < request.ends[query];
  const Range set = ranks ? request.sets[mine] : Range{0, 0};

  unsigned char* slab = shared_memory() + warp * Tokens::warp_bytes;
  unsigned char* shared_panel = shared_memory() + warps_a_block * Tokens::warp_bytes;
  double sum = queries.constants[query];
  for (unsigned t = query == 0 ? 0 : queries.ends[query - 1]; t < queries.ends[query]; ++t) {
    const QueryTile tile = queries.tiles[t];
    const unsigned char* panel = queries.panels + t * queries.panel_bytes;
    if constexpr (staged) {
      __syncthreads();
      for (unsigned i = threadIdx.x; i < queries.panel_bytes / 16; i += blockDim.x)
        reinterpret_cast<uint4*>(shared_panel)[i] = reinterpret_cast<const uint4*>(panel)[i];
      panel = shared_panel;
      __syncthreads();
    }
    Best best;
    for (float& value : best) value = __uint_as_float(0xFF800000U);  // -inf
    Tokens::raise_all(tokens, set, queries, tile, panel, slab, lane, best);
    join_rows(best);
    sum = add_best<Tokens>(queries, tile, panel, tokens.padded_dim, best, sum);
  }
  if (lane != 0 || !ranks) return;
  const auto most = static_cast<double>(most_float);
  const double bounded = sum < -most ? -most : sum > most ? most : sum;
  request.scores[mine] = set.begin == set.end ? -most_float : static_cast<float>(bounded);
}

template <class Tokens>
void start(const RowsView& tokens, const SetQueriesView& queries, const ChamferRequest& request,
           Stream stream) {
  if (request.tiles != 0)
    launch("chamfer", pack_kernel<Tokens>, Grid{{request.tiles, 1, 1}, 256, 0}, stream, queries,
           tokens.padded_dim);
  const std::size_t slabs = warps_a_block * Tokens::warp_bytes;
  const auto blocks = static_cast<unsigned>((request.most + warps_a_block - 1) / warps_a_block);
  Grid grid{{blocks, request.queries, 1}, warps_a_block * warp_size, slabs + queries.panel_bytes};
  auto* kernel = chamfer_kernel<Tokens, true>;
  if (grid.shared > device_info().shared_bytes) {
    grid.shared = slabs;
    kernel = chamfer_kernel<Tokens, false>;
  }
  launch("chamfer", kernel, grid, stream, tokens, queries, request);
}

}  // namespace

std::size_t panel_bytes(kernels::RowType type, std::size_t padded_dim) {
  if (type == kernels::RowType::f16) return half_panel_bytes(padded_dim);
  return tile_vectors * padded_dim *
         (type == kernels::RowType::lvq8 ? sizeof(std::int16_t) : sizeof(float));
}

void chamfer(kernels::RowType type, const RowsView& tokens, const SetQueriesView& queries,
             const ChamferRequest& request, Stream stream) {
  if (type == kernels::RowType::f32)
    start<FloatTokens>(tokens, queries, request, stream);
  else if (type == kernels::RowType::f16)
    start<HalfTokens>(tokens, queries, request, stream);
  else
    start<CodeTokens>(tokens, queries, request, stream);
}

}  // namespace vecinal::cuda
