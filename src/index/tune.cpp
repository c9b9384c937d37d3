// tune(): the smallest beam that reaches a recall.
#include <algorithm>
#include <stdexcept>

#include "core/concat.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

/// Share of the true neighbours found; one at the true k-th distance counts, whatever its id.
double recall_of(const Neighbors& found, const Neighbors& truth) {
  std::size_t hits = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < truth.queries; ++q) {
    const std::size_t count = truth.counts[q];
    if (count == 0) continue;
    const float limit = truth.distances_of(q)[count - 1];
    wanted += count;
    for (std::size_t i = 0; i < std::min<std::size_t>(count, found.counts[q]); ++i)
      hits += found.distances_of(q)[i] <= limit ? 1U : 0U;
  }
  return wanted == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(wanted);
}

}  // namespace

Tuned tune(Index& index, const Batch& queries, double recall, std::size_t k) {
  if (!(recall > 0 && recall <= 1))
    throw std::invalid_argument(concat("tune: recall must be in (0, 1], got ", recall));
  if (queries.count == 0) throw std::invalid_argument("tune: there are no queries");
  if (index.size() == 0) throw std::invalid_argument("tune: the index is empty");
  const Neighbors truth = index.search(queries, {.k = k, .exact = true});
  const auto measure = [&](std::size_t beam) {
    return recall_of(index.search(queries, {.k = k, .beam = beam}), truth);
  };
  std::size_t low = k - 1;  // a beam that does not reach it, as far as is known
  std::size_t high = k;
  double reached = measure(high);
  while (reached < recall && high < std::max<std::size_t>(index.size(), k) && high < 100'000) {
    low = high;
    high *= 2;
    reached = measure(high);
  }
  if (reached >= recall) {
    while (high - low > 1) {
      const std::size_t middle = low + (high - low) / 2;
      const double got = measure(middle);
      (got >= recall ? high : low) = middle;
      if (got >= recall) reached = got;
    }
  }
  index.set_beam(std::min<std::size_t>(high, 1'000'000));
  return {high, reached};
}

}  // namespace vecinal
