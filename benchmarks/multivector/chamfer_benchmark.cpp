// Ranking 1,000 documents of 100 vectors of 128 dims for a query of 32, on one core, against the
// same products by Eigen's GEMM and what this library's own product kernel makes of them:
//   chamfer_benchmark --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
// "products": inner products a second times 128 multiply-adds. gemm: 100,000 x 128 by 128 x 32,
// without looking at the result; chamfer/TOKENS: documents in drawn order.
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <numeric>
#include <random>
#include <vector>

#include "multivector/chamfer.hpp"

namespace vecinal {
namespace {

constexpr std::size_t dim = 128;
constexpr std::size_t documents = 1000;
constexpr std::size_t size = 100;
constexpr std::size_t asked = 32;

std::vector<float> values(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 0.09F);
  std::vector<float> made(count);
  for (float& value : made) value = normal(random);
  return made;
}

void count_products(benchmark::State& state) {
  state.counters["products"] = benchmark::Counter(
      static_cast<double>(documents * size * asked * dim),
      benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void chamfer(benchmark::State& state, Encoding encoding, float carving) {
  const std::vector<float> stored = values(documents * size * dim, 1);
  std::vector<std::size_t> offsets(documents + 1);
  for (std::size_t i = 0; i <= documents; ++i) offsets[i] = i * size;
  TokenRows tokens(dim, encoding, std::vector<float>(dim, 0.0F));
  std::vector<Slot> numbers(documents);
  std::iota(numbers.begin(), numbers.end(), Slot{0});
  tokens.assign(numbers,
                {.data = stored.data(),
                 .count = documents * size,
                 .dim = dim,
                 .stride = 0,
                 .offsets = offsets},
                1);
  const std::vector<float> query = values(asked * dim, 2);
  const Batch batch{.data = query.data(), .count = asked, .dim = dim};
  std::vector<std::size_t> order(documents);
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::mt19937(3));
  for (auto _ : state) {
    const ChamferQuery prepared(tokens, batch, 0, asked, carving);
    ChamferScratch scratch(tokens);
    float best = 0;
    for (std::size_t i = 0; i < documents; ++i)
      best = std::max(best, prepared.score(order[i], scratch, order[(i + 1) % documents]));
    benchmark::DoNotOptimize(best);
  }
  count_products(state);
}

void gemm(benchmark::State& state) {
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const std::vector<float> stored = values(documents * size * dim, 1);
  const std::vector<float> query = values(asked * dim, 2);
  const Eigen::Map<const Rows> x(stored.data(), documents * size, dim);
  const Eigen::Map<const Rows> q(query.data(), asked, dim);
  Rows products(documents * size, asked);
  for (auto _ : state) {
    products.noalias() = x * q.transpose();
    benchmark::DoNotOptimize(products.data());
  }
  count_products(state);
}

/// Without memory: what the core can do on a product that stays in its caches.
void gemm_cached(benchmark::State& state) {
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Rows a = Rows::Random(256, 256);
  const Rows b = Rows::Random(256, 256);
  Rows products(256, 256);
  for (auto _ : state) {
    products.noalias() = a * b;
    benchmark::DoNotOptimize(products.data());
  }
  state.counters["products"] =
      benchmark::Counter(256.0 * 256 * 256, benchmark::Counter::kIsIterationInvariantRate,
                         benchmark::Counter::kIs1000);
}

BENCHMARK_CAPTURE(chamfer, f32, Encoding::f32, 0.0F);
BENCHMARK_CAPTURE(chamfer, f16, Encoding::f16, 0.0F);
BENCHMARK_CAPTURE(chamfer, lvq8, Encoding::lvq8, 0.0F);
BENCHMARK(gemm);
BENCHMARK(gemm_cached);

}  // namespace
}  // namespace vecinal
