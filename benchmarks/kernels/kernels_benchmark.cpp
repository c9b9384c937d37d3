// Time of the kernels for every instruction set this CPU has:
//   kernels_benchmark --benchmark_filter=score
// score/LEVEL/ROWS/OP/DIM: one call scores 32 rows, as one hop of a graph search does. Rows are
// drawn from a set that fits L2 (near) or from one of 256 MiB (far); score/LEVEL/ROWS/DIM where
// they are codes, whose scores have one form. estimate/LEVEL/DIM: the 32 neighbours of a fused row.
// raise/LEVEL/ROWS/DIM: MaxSim of a document. tile/LEVEL/DIM: the exact scan's product, with its
// rate.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "kernels/dispatch.hpp"

namespace vecinal::kernels {
namespace {

constexpr std::size_t batch = 32;

std::size_t bytes_of(RowType type, std::size_t width) {
  switch (type) {
    case RowType::f32:
      return 4 * width;
    case RowType::f16:
      return 2 * width;
    case RowType::lvq8:
      return sizeof(CodeHeader) + width;
    default:
      return sizeof(CodeHeader) + width / 2;
  }
}

void score(benchmark::State& state, SimdLevel level, RowType type, Op op, std::size_t dim,
           std::size_t set_bytes) {
  const bool codes = type == RowType::lvq8 || type == RowType::lvq4;
  const std::size_t width = codes ? padded_codes(dim) : padded(dim);
  const std::size_t stride = bytes_of(type, width);
  const std::size_t rows = set_bytes / stride;
  std::vector<std::byte> data(rows * stride);
  const std::vector<float> query(width, 0.5F);
  const std::vector<std::int16_t> steps(width, 500);
  const RowView view{data.data(), stride, width, 2};
  std::mt19937 random(1);
  std::vector<std::uint32_t> slots(batch * 1024);
  for (auto& slot : slots) slot = static_cast<std::uint32_t>(random() % rows);
  std::vector<float> scores(batch);
  const ScoreFn kernel =
      table(level).score[static_cast<std::size_t>(type)][static_cast<std::size_t>(op)];
  std::size_t at = 0;
  for (auto _ : state) {
    kernel({.values = query.data(), .steps = steps.data(), .scale = 1}, view, slots.data() + at,
           batch, scores.data());
    benchmark::DoNotOptimize(scores.data());
    at = (at + batch) % slots.size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * batch * stride));
}

void tile(benchmark::State& state, SimdLevel level, std::size_t dim, bool steps) {
  const KernelTable& kernels = table(level);
  constexpr std::size_t rows = 168;  // whole tiles on every instruction set
  const std::vector<float> x(rows * dim, 0.5F);
  const std::vector<float> panel(dim * kernels.tile_queries, 0.25F);
  const std::vector<std::int16_t> row_steps(rows * dim, 100);
  const std::vector<std::int16_t> step_panel(dim * kernels.tile_queries, 100);
  const std::vector<float> ones(std::max<std::size_t>(rows, kernels.tile_queries), 1.0F);
  const std::vector<float> limits(kernels.tile_queries, -1e30F);
  std::vector<std::int32_t> sums(rows * kernels.tile_queries);
  std::vector<float> scores(rows * kernels.tile_queries);
  std::vector<std::uint32_t> hits(rows);
  const Tile floats{x.data(), dim, rows, dim, panel.data()};
  const StepTile integers{row_steps.data(),  dim,           rows,        dim,
                          step_panel.data(), ones.data(),   ones.data(), ones.data(),
                          ones.data(),       limits.data(), sums.data()};
  for (auto _ : state) {
    if (steps)
      kernels.step_tile(integers, scores.data(), hits.data());
    else
      kernels.tile(floats, scores.data());
    benchmark::DoNotOptimize(scores.data());
  }
  state.counters["flops"] = benchmark::Counter(
      static_cast<double>(2 * rows * dim * kernels.tile_queries),
      benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

/// One call estimates the 32 neighbours of a node.
void estimate(benchmark::State& state, SimdLevel level, std::size_t dim) {
  const KernelTable& kernels = table(level);
  const std::vector<float> query(dim, 0.5F);
  std::vector<std::uint8_t> entries(4 * dim);
  SignQuery prepared;
  kernels.sign_table(query.data(), dim, &prepared, entries.data());
  const std::vector<std::uint8_t> signs(4 * dim, 0x5A);
  const std::vector<std::uint16_t> offsets(sign_lanes, 0);
  const std::vector<std::uint8_t> factors(sign_lanes, 1);
  const SignBlock block{.signs = signs.data(),
                        .offsets = offsets.data(),
                        .factors = factors.data(),
                        .offset_unit = 1,
                        .factor_unit = 1,
                        .ahead = reinterpret_cast<const std::byte*>(signs.data())};
  std::vector<float> scores(sign_lanes);
  for (auto _ : state)
    benchmark::DoNotOptimize(kernels.estimate(prepared, block, 0, 0, scores.data()));
}

/// One call raises the maxima of a panel of queries by 100 vectors of a document.
void raise(benchmark::State& state, SimdLevel level, std::size_t dim, bool codes) {
  constexpr std::size_t rows = 100;
  const KernelTable& kernels = table(level);
  const std::size_t queries = kernels.tile_queries;
  const std::vector<float> x(rows * dim, 0.5F);
  const std::vector<std::int16_t> steps(rows * dim, 100);
  const std::vector<float> panel(dim * queries, 0.25F);
  const std::vector<std::int16_t> step_panel(dim * queries, 1000);
  const std::vector<float> ones(std::max<std::size_t>(rows, queries), 1.0F);
  std::vector<float> best(queries);
  for (auto _ : state) {
    if (codes)
      kernels.raise_code_products({steps.data(), dim, rows, dim, step_panel.data(), ones.data(),
                                   ones.data(), ones.data(), best.data()});
    else
      kernels.raise_products({x.data(), dim, rows, dim, panel.data(), best.data()});
    benchmark::DoNotOptimize(best.data());
  }
  state.counters["flops"] = benchmark::Counter(static_cast<double>(2 * rows * dim * queries),
                                               benchmark::Counter::kIsIterationInvariantRate,
                                               benchmark::Counter::kIs1000);
}

void register_level(SimdLevel level) {
  const std::string set(name(level));
  constexpr std::array reaches = {std::pair{std::size_t{128} << 10U, "near"},
                                  std::pair{std::size_t{256} << 20U, "far"}};
  for (const std::size_t dim : {96U, 384U, 768U}) {
    for (const auto& [type, type_name] :
         {std::pair{RowType::f32, "f32"}, std::pair{RowType::f16, "f16"}})
      for (const auto& [op, op_name] :
           {std::pair{Op::negative_dot, "dot"}, std::pair{Op::l2, "l2"}})
        for (const auto& [bytes, where] : reaches)
          benchmark::RegisterBenchmark(("score/" + set + "/" + type_name + "/" + op_name + "/" +
                                        std::to_string(dim) + "/" + where)
                                           .c_str(),
                                       score, level, type, op, dim, bytes);
    for (const auto& [type, type_name] :
         {std::pair{RowType::lvq8, "lvq8"}, std::pair{RowType::lvq4, "lvq4"}})
      for (const auto& [bytes, where] : reaches)
        benchmark::RegisterBenchmark(
            ("score/" + set + "/" + type_name + "/" + std::to_string(dim) + "/" + where).c_str(),
            score, level, type, Op::negative_dot, dim, bytes);
    for (const auto& [codes, rows] : {std::pair{false, "f32"}, std::pair{true, "codes"}})
      benchmark::RegisterBenchmark(
          ("raise/" + set + "/" + rows + "/" + std::to_string(dim)).c_str(), raise, level, dim,
          codes);
    benchmark::RegisterBenchmark(("estimate/" + set + "/" + std::to_string(dim)).c_str(), estimate,
                                 level, dim);
    for (const bool steps : {false, true})
      benchmark::RegisterBenchmark(
          ((steps ? "step_tile/" : "tile/") + set + "/" + std::to_string(dim)).c_str(), tile, level,
          dim, steps);
  }
}

const bool registered = [] {
  for (const SimdLevel level : simd_levels)
    if (supported(level)) register_level(level);
  return true;
}();

}  // namespace
}  // namespace vecinal::kernels
