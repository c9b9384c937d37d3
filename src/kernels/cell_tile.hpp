/// The cells of a panel of vectors: products with all planes in integers, of which only the signs
/// leave the registers. Included by kernels.cpp only.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/max_tile.hpp"
#include "kernels/pair_products.hpp"
#include "kernels/vec.hpp"

namespace {

using std::int16_t;
using std::int32_t;
using std::size_t;
using std::uint32_t;
using vecinal::kernels::CellTile;
using vecinal::kernels::PanelSteps;
using vecinal::kernels::set_lanes;

/// One register of vectors from `lane` on; whether their squared lengths are usual.
bool step_lanes(const PanelSteps& panel, size_t lane) {
  F32 squares[2] = {zero(), zero()};
  for (size_t d = 0; d < panel.dim; d += 2)
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; ++i) {
      const size_t at = (d + i) * set_lanes + lane;
      const F32 value = sub(load(panel.panel + at), broadcast(panel.mean + d + i));
      store(panel.centred + at, value);
      squares[i] = fma(value, value, squares[i]);
    }
  constexpr float least_square = 1e-30F;  // reciprocals of lengths keep their precision
  float factors[F32::width];
  store(factors, add(squares[0], squares[1]));
  bool all_usual = true;
  for (float& factor : factors) {
    const bool usual = factor <= vecinal::kernels::most_usual_square;  // a NaN is not
    all_usual = all_usual && usual;
    factor = usual && factor >= least_square ? panel.length / __builtin_sqrtf(factor) : 0;
  }
  const F32 factor = load(factors);
  for (size_t d = 0; d < panel.dim; d += 2) {
    const float* from = panel.centred + d * set_lanes + lane;
    store_pairs(panel.steps + d * set_lanes + 2 * lane, mul(load(from), factor),
                mul(load(from + set_lanes), factor));
  }
  return all_usual;
}

bool panel_steps(const PanelSteps& panel) noexcept {
  bool all_usual = true;
  for (size_t lane = 0; lane < panel.lanes; lane += F32::width)
    all_usual = step_lanes(panel, lane) && all_usual;
  return all_usual;
}

/// The signs of `Rows` planes' products with `Vectors` registers of vectors from `lane` on.
template <size_t Rows, size_t Vectors>
void sign_block(const CellTile& tile, size_t first, size_t lane, int32_t* cells, uint32_t* doubts) {
  I32 acc[Rows][Vectors];
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (size_t v = 0; v < Vectors; ++v) acc[r][v] = zero_i32();
  const int16_t* row = tile.planes + first * tile.plane_stride;
  add_pairs(row, tile.plane_stride, tile.panel + 2 * lane, set_lanes, tile.dim, acc);
  size_t repetition = first / tile.k_sim;
  size_t bit = first % tile.k_sim;
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r) {
    int32_t* own = cells + repetition * set_lanes + lane;
#pragma GCC unroll 16
    for (size_t v = 0; v < Vectors; ++v) {
      const I32 before = load_i32(own + v * F32::width);
      store(own + v * F32::width, set_where_positive(before, acc[r][v], 1 << bit));
      doubts[first + r] |= near_zero(acc[r][v], tile.doubt) << (lane + v * F32::width);
    }
    if (++bit == tile.k_sim) {
      bit = 0;
      ++repetition;
    }
  }
}

/// The same for all lanes.
template <size_t Rows>
void sign_planes(const CellTile& tile, size_t first, int32_t* cells, uint32_t* doubts) {
  size_t lane = 0;
  for (; lane + F32::width < tile.lanes; lane += 2 * F32::width)
    sign_block<Rows, 2>(tile, first, lane, cells, doubts);
  if (lane < tile.lanes) sign_block<Rows, 1>(tile, first, lane, cells, doubts);
}

void find_cells(const CellTile& tile, int32_t* cells, uint32_t* doubts) noexcept {
  const size_t planes = tile.repetitions * tile.k_sim;
  for (size_t i = 0; i < tile.repetitions * set_lanes; ++i) cells[i] = 0;
  for (size_t i = 0; i < planes; ++i) doubts[i] = 0;
  for_blocks<code_tile_rows>(
      planes, [&](size_t first) { sign_planes<code_tile_rows>(tile, first, cells, doubts); },
      [&](size_t plane) { sign_planes<1>(tile, plane, cells, doubts); });
}

}  // namespace
