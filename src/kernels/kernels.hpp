/// The kernel table: one per instruction set, chosen at run time (dispatch.cpp).
/// Everything above this folder calls vectors through these function pointers only.
#pragma once

#include "kernels/rows.hpp"

namespace vecinal::kernels {

/// out[i] = score of the query and rows[slots[i]]; smaller = closer.
/// Float rows: negative_dot: -<q, x>. l2: squared distance. float32 sums in several chains: the
/// error is at most about (padded_dim / 16 + 8) * 2^-24 of the sum of the absolute products.
/// Codes, one form for every metric: constant + bias + scale * <steps, x> with the bias of the last
/// level and x the sum of the levels; <steps, codes> is exact, so every instruction set gives the
/// same bits.
using ScoreFn = void (*)(const QueryView& query, const RowView& rows, const std::uint32_t* slots,
                         std::size_t count, float* out) noexcept;

/// A block of rows against a panel of queries (a GEMM).
struct Tile {
  const float* rows = nullptr;  ///< row_count rows of float32
  std::size_t row_stride = 0;   ///< floats
  std::size_t row_count = 0;
  std::size_t dim = 0;
  const float* panel = nullptr;  ///< queries, transposed: panel[d * tile_queries + q]
};

/// products[row * tile_queries + q]. Each is one chain in order of the dimensions: error at most
/// dim * 2^-24 * sum |x_d q_d|.
using TileFn = void (*)(const Tile& tile, float* products) noexcept;

/// Rows and queries in 16-bit steps, products of which stand for those of the vectors.
struct StepTile {
  const std::int16_t* rows = nullptr;
  std::size_t row_stride = 0;  ///< int16 values
  std::size_t row_count = 0;
  std::size_t dim = 0;                  ///< even
  const std::int16_t* panel = nullptr;  ///< panel[(d / 2 * tile_queries + q) * 2 + d % 2]
  const float* gains = nullptr;         ///< one a row
  const float* bias = nullptr;          ///< one a row
  const float* scales = nullptr;        ///< one a query, as are the next
  const float* slacks = nullptr;
  const float* limits = nullptr;
  std::int32_t* sums = nullptr;  ///< room for row_count * tile_queries
};

/// scores[row * tile_queries + q] = bias[row] + gains[row] * (scales[q] * <row, query> -
/// slacks[q]), and in hits[row] the queries q whose score is <= limits[q]. Integer products must
/// fit int32.
using StepTileFn = void (*)(const StepTile& tile, float* scores, std::uint32_t* hits) noexcept;

/// Memory that is read next, brought into the first cache meanwhile, a line now and then: asked for
/// at once it would stall, and no more than a page of it comes by itself.
struct Ahead {
  const std::byte* from = nullptr;
  std::size_t bytes = 0;
};

/// Vectors of a document against a panel of query vectors.
struct MaxTile {
  const float* rows = nullptr;  ///< row_count rows of float32
  std::size_t row_stride = 0;   ///< floats
  std::size_t row_count = 0;
  std::size_t dim = 0;
  const float* panel = nullptr;  ///< as in Tile
  float* best = nullptr;         ///< one a query of the panel
  Ahead ahead = {};
};

/// best[q] = the greatest of best[q] and <row, query q> over the rows. Products as in TileFn.
using MaxTileFn = void (*)(const MaxTile& tile) noexcept;

/// The same for rows of codes: value d of row r is steps[r] * (rows[r][d] + offsets[r]).
struct MaxCodeTile {
  const std::int16_t* rows = nullptr;
  std::size_t row_stride = 0;  ///< int16 values
  std::size_t row_count = 0;
  std::size_t dim = 0;                  ///< even
  const std::int16_t* panel = nullptr;  ///< panel[(d / 2 * tile_queries + q) * 2 + d % 2]
  const float* steps = nullptr;
  const float* offsets = nullptr;
  const float* sums = nullptr;  ///< of a query's values
  float* best = nullptr;
};

/// With it as the sum of magnitudes of a query's values, products with doubled codes fit int32.
inline constexpr std::int32_t max_tile_sum = max_step_sum / 2;

/// Integer products must fit int32; they are exact, so every instruction set gives the same bits
/// but for the fusing of the last multiply-adds.
using MaxCodeTileFn = void (*)(const MaxCodeTile& tile) noexcept;

/// Vectors that are encoded side by side: value d of vector `lane` is panel[d * set_lanes + lane].
/// What kernels write for lanes that are not used is of no account.
inline constexpr std::size_t set_lanes = 32;

/// Values that change rows and columns, both multiples of 8.
struct Transposition {
  const float* from = nullptr;
  std::size_t from_stride = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
  float* to = nullptr;
  std::size_t to_stride = 0;
};

/// to[c * to_stride + r] = from[r * from_stride + c].
using TransposeFn = void (*)(const Transposition& values) noexcept;

/// A panel that is centred, and its directions in 16-bit steps.
struct PanelSteps {
  const float* panel = nullptr;
  const float* mean = nullptr;    ///< dim
  std::size_t dim = 0;            ///< even
  std::size_t lanes = 0;          ///< that are used
  float length = 0;               ///< of the steps of a vector, all together
  float* centred = nullptr;       ///< panel - mean, may be the panel itself
  std::int16_t* steps = nullptr;  ///< steps[(d / 2 * set_lanes + lane) * 2 + d % 2]
};

/// Squared lengths that are far from the ends of float32.
inline constexpr float most_usual_square = 1e36F;

/// Steps are within 1/2 of the centred vector scaled to the length; zeros for a vector whose
/// squared length is next to nothing, or not usual. Returns whether all of them are usual.
using PanelStepsFn = bool (*)(const PanelSteps& panel) noexcept;

/// Planes against a panel of steps.
struct CellTile {
  const std::int16_t* planes = nullptr;  ///< repetitions * k_sim rows
  std::size_t plane_stride = 0;          ///< int16 values
  std::size_t dim = 0;                   ///< even
  std::size_t repetitions = 0;
  std::size_t k_sim = 0;                ///< at least 1
  const std::int16_t* panel = nullptr;  ///< as in PanelSteps
  std::size_t lanes = 0;                ///< that are used
  std::int32_t doubt = 0;
};

/// Bit b of cells[r * set_lanes + lane]: the product with plane r * k_sim + b is above zero. Bit
/// `lane` of doubts[plane]: the product is `doubt` or less from zero. Products must fit int32; they
/// are exact, so every instruction set gives the same bits.
using FindCellsFn = void (*)(const CellTile& tile, std::int32_t* cells,
                             std::uint32_t* doubts) noexcept;

/// Sums of dimensions, some of them taken off, of a panel's vectors (a count-sketch).
struct SignedSums {
  const float* panel = nullptr;
  std::size_t lanes = 0;                ///< that are used
  const std::uint32_t* dims = nullptr;  ///< sum i adds those from ends[2 i - 1] (0 for i = 0) to
                                        ///< ends[2 i] and takes off those to ends[2 i + 1]
  const std::uint32_t* ends = nullptr;
  std::size_t count = 0;  ///< sums
};

/// to[i * set_lanes + lane] = sum i, added up in the order of dims.
using SignedSumsFn = void (*)(const SignedSums& sums, float* to) noexcept;

/// Distances of cells are counted in these, on top of a place among up to as many.
inline constexpr std::int16_t cell_step = 1024;

/// A cell that no vector has met: above ten steps, and ten steps above it fit.
inline constexpr std::int16_t no_place = 20000;

/// Projected vectors that go to their cells, in their order.
struct CellAddition {
  const float* values = nullptr;
  std::size_t stride = 0;  ///< floats
  const std::int32_t* cells = nullptr;
  std::size_t count = 0;
  std::size_t width = 0;           ///< values of a vector
  float* sums = nullptr;           ///< cell by cell
  std::uint32_t* sizes = nullptr;  ///< of the cells; none: not counted
  float* firsts = nullptr;         ///< the first vector of each cell, in the order in which these
                                   ///< were met, and room for one more; none: not kept
  std::int16_t* places = nullptr;  ///< of cells in firsts, or no_place
  std::size_t place_stride = 0;
  std::int16_t* met = nullptr;  ///< how many cells have been
};
using AddToCellsFn = void (*)(const CellAddition& addition) noexcept;

/// The cells of a set with at least one vector.
struct CellMeans {
  const float* sums = nullptr;
  float* means = nullptr;  ///< empty cells take the vector at their place
  std::size_t cells = 0;
  std::size_t width = 0;
  const std::uint32_t* sizes = nullptr;
  const float* firsts = nullptr;         ///< none: empty cells stay empty
  const std::int16_t* places = nullptr;  ///< steps to the nearest cell, and its place in firsts
  std::size_t place_stride = 0;
};
using CellMeansFn = void (*)(const CellMeans& means) noexcept;

/// Conversions of count values, a multiple of row_padding. To f16 rounds to nearest even; overflow
/// gives inf.
using ToHalfFn = void (*)(const float* from, std::uint16_t* to, std::size_t count) noexcept;
using FromHalfFn = void (*)(const std::uint16_t* from, float* to, std::size_t count) noexcept;

/// The grid of one row's codes: value = step * (2 * code + offset), code 0 .. 2^bits - 1.
struct Grid {
  float step = 0;
  std::int16_t offset = 0;
};

/// Conversions between padded_dim floats and the codes of one width.
struct CodeKernels {
  /// Nearest codes; values past the ends get the first or the last one.
  void (*encode)(const float* from, std::size_t padded_dim, Grid grid,
                 std::uint8_t* codes) noexcept;
  void (*decode)(const std::uint8_t* codes, std::size_t padded_dim, Grid grid, float* to) noexcept;
  /// steps[d] = 2 * code[d] + offset: the row as a query.
  void (*widen)(const std::uint8_t* codes, std::size_t padded_dim, std::int16_t offset,
                std::int16_t* steps) noexcept;
};

/// Least and greatest of count values, a multiple of row_padding.
using RangeFn = void (*)(const float* from, std::size_t count, float* least,
                         float* greatest) noexcept;

/// Squared distance of a row to its nearest points on the grid with codes up to max_code; the same
/// bits wherever multiply-adds are fused.
using GridErrorFn = float (*)(const float* from, std::size_t count, Grid grid,
                              float max_code) noexcept;

/// Of the magnitudes of count values, a multiple of row_padding: the greatest and the sum, which
/// has the same bits on every instruction set.
using MagnitudesFn = void (*)(const float* from, std::size_t count, float* greatest,
                              float* sum) noexcept;

/// steps[i] = nearest integer of from[i] * factor.
using StepsFn = void (*)(const float* from, std::size_t count, float factor,
                         std::int16_t* steps) noexcept;

/// A vector as its squared length, and a direction in steps of some value.
struct Direction {
  float square = 0;
  float step = 0;
};

/// steps: nearest integers of the vector (count values, a multiple of row_padding) made `length`
/// long, in an order of the instruction set's own; zeros for one whose squared length is next to
/// nothing.
using DirectionFn = Direction (*)(const float* from, std::size_t count, float length,
                                  std::int16_t* steps) noexcept;

/// The sum of count steps, which must fit.
using SumStepsFn = std::int32_t (*)(const std::int16_t* steps, std::size_t count) noexcept;

/// Walsh-Hadamard transform in place, scaled to keep lengths; count is a power of two.
using HadamardFn = void (*)(float* values, std::size_t count) noexcept;

/// Vectors in a block of signs.
inline constexpr std::size_t sign_lanes = 32;

/// A query for blocks of signs: <query, signs> = origin + gap * (sum of the entries that the signs
/// select), where every 4 dims have 16 entries, one for each combination of signs.
struct SignQuery {
  const std::uint8_t* table = nullptr;  ///< 4 dims entries below 64
  std::size_t dims = 0;                 ///< a multiple of sign_group, at most max_sign_dim
  float gap = 0;
  float origin = 0;
};

/// Up to it, sums of entries fit 16 bits.
inline constexpr std::size_t max_sign_dim = 4096;

/// Fills the 4 dims entries of a query's table; an entry is off by less than one gap. The query is
/// zero from dims to the next multiple of row_padding.
using SignTableFn = void (*)(const float* query, std::size_t dims, SignQuery* to,
                             std::uint8_t* table) noexcept;

/// 32 vectors by their signs about a centre.
///
/// Bytes 16 g .. 16 g + 15 of signs hold dims 4 g .. 4 g + 3 of all of them: vector k < 16 in the
/// low half of a byte, k + 16 in the high half; vectors 0 .. 7 in the even bytes, 8 .. 15 in the
/// odd ones. Bit b is set if value 4 g + b exceeds the centre's.
struct SignBlock {
  const std::uint8_t* signs = nullptr;     ///< 4 dims bytes
  const std::uint16_t* offsets = nullptr;  ///< f16, sign_lanes
  const std::uint8_t* factors = nullptr;   ///< sign_lanes
  float offset_unit = 0;
  float factor_unit = 0;
  const std::byte* ahead = nullptr;  ///< as many bytes as signs that are fetched meanwhile
};

/// scores[k] = base + offset_unit * offsets[k] + factor_unit * factors[k] * <query, signs k>.
/// Returns a bit for each k whose score is <= limit.
using EstimateFn = std::uint32_t (*)(const SignQuery& query, const SignBlock& block, float base,
                                     float limit, float* scores) noexcept;

/// Of rest = vector - centre and its signs: sums that estimates are made of, in float32.
struct SignedSum {
  float square = 0;         ///< <rest, rest>
  float magnitude = 0;      ///< <rest, signs>
  float product = 0;        ///< <centre, rest>
  float signed_centre = 0;  ///< <centre, signs>
};

/// Writes vector `lane` of a block of signs; every instruction set gives the same bits. Both are
/// zero from dims to the next multiple of row_padding.
using PackSignsFn = void (*)(const float* centre, const float* vector, std::size_t dims,
                             std::size_t lane, std::uint8_t* signs, SignedSum* to) noexcept;

/// Scans of unsorted scores, which must be followed by +inf up to a multiple of row_padding.
/// Position of the first of the least; 0 if there are none.
using LeastFn = std::size_t (*)(const float* scores, std::size_t count) noexcept;
/// How many are <= limit, which is finite.
using CountFn = std::size_t (*)(const float* scores, std::size_t count, float limit) noexcept;
/// Moves those <= limit to the front, with their nodes and in their order; returns how many. Whole
/// registers are written: up to row_padding beyond the count are overwritten.
using KeepFn = std::size_t (*)(float* scores, std::uint32_t* nodes, std::size_t count,
                               float limit) noexcept;

/// Puts a key among count ascending ones, and returns its place. They are followed by key_padding
/// ascending ones that are greater than it, of which some move up as well.
inline constexpr std::size_t key_padding = 8;
using InsertKeyFn = std::size_t (*)(std::int64_t* keys, std::size_t count,
                                    std::int64_t key) noexcept;

struct KernelTable {
  ScoreFn score[row_types][ops];
  TileFn tile;
  StepTileFn step_tile;
  std::uint32_t tile_queries;  ///< width of a panel, at most 32
  MaxTileFn raise_products;
  MaxCodeTileFn raise_code_products;
  TransposeFn transpose;
  PanelStepsFn panel_steps;
  FindCellsFn find_cells;
  SignedSumsFn signed_sums;
  AddToCellsFn add_to_cells;
  CellMeansFn cell_means;
  ToHalfFn to_half;
  FromHalfFn from_half;
  CodeKernels codes8;
  CodeKernels codes4;
  RangeFn range;
  GridErrorFn grid_error;
  MagnitudesFn magnitudes;
  StepsFn to_steps;
  DirectionFn direction;
  SumStepsFn sum_steps;
  HadamardFn hadamard;
  SignTableFn sign_table;
  EstimateFn estimate;
  PackSignsFn pack_signs;
  LeastFn least_of;
  CountFn count_up_to;
  KeepFn keep_up_to;
  InsertKeyFn insert_key;
};

const KernelTable& table_scalar() noexcept;
const KernelTable& table_avx2() noexcept;
const KernelTable& table_avx512() noexcept;
const KernelTable& table_avx512_vnni() noexcept;
const KernelTable& table_neon() noexcept;

}  // namespace vecinal::kernels
