// tune(): the cheapest search that reaches a recall.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "core/concat.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

/// Shares of the true neighbours found, query by query; one at the true k-th distance counts,
/// whatever its id. Queries without neighbours are left out.
std::vector<double> recalls_of(const Neighbors& found, const Neighbors& truth, std::size_t first,
                               std::size_t step) {
  std::vector<double> recalls;
  for (std::size_t q = first; q < truth.queries; q += step) {
    const std::size_t count = truth.counts[q];
    if (count == 0) continue;
    const float limit = truth.distances_of(q)[count - 1];
    std::size_t hits = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(count, found.counts[q]); ++i)
      hits += found.distances_of(q)[i] <= limit ? 1U : 0U;
    recalls.push_back(static_cast<double>(hits) / static_cast<double>(count));
  }
  return recalls;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 1.0 : sum / static_cast<double>(values.size());
}

/// Wilson's interval of a share, 95 %. The neighbours of a query are found or missed together, so
/// they count for as many draws as make the variance of the mean that was seen.
void write_interval(const std::vector<double>& recalls, Tuned& to) {
  const double p = mean_of(recalls);
  const auto count = static_cast<double>(std::max<std::size_t>(recalls.size(), 1));
  double squares = 0;
  for (const double recall : recalls) squares += (recall - p) * (recall - p);
  const double variance = squares / std::max(count - 1, 1.0) / count;
  const double draws = variance > 0 ? p * (1 - p) / variance : count;
  constexpr double z = 1.96;
  const double z2 = z * z / draws;
  const double middle = (p + z2 / 2) / (1 + z2);
  const double half = z * std::sqrt(p * (1 - p) / draws + z2 / (4 * draws)) / (1 + z2);
  to.checked_recall = p;
  to.checked_low = std::max(0.0, middle - half);
  to.checked_high = std::min(1.0, middle + half);
}

/// One setting, tried.
struct Tried {
  double recall = 0;
  double cost = 0;  ///< bytes of rows read
};

class Tuner {
 public:
  Tuner(const Index& index, const Batch& queries, double recall, std::size_t k)
      : index_(index),
        queries_(queries),
        recall_(recall),
        k_(k),
        truth_(index.search(queries, {.k = k, .exact = true})),
        step_(truth_.queries >= 40 ? 2 : 1) {
    const Stats stats = index.stats();
    const auto rows = static_cast<double>(std::max<std::size_t>(stats.size + stats.removed, 1));
    walked_bytes_ = static_cast<double>(stats.bytes_rows) / rows;
    ranking_bytes_ = static_cast<double>(stats.bytes_secondary) / rows;
  }

  [[nodiscard]] bool fused() const { return index_.config().layout == Layout::fused; }

  /// Of fused walks, the candidates follow from the estimates.
  [[nodiscard]] bool reranks() const { return ranking_bytes_ > 0 && !fused(); }

  /// The smallest value from `least` on for which reaches(value) holds, or the largest tried.
  template <class Reaches>
  static std::size_t smallest(std::size_t least, std::size_t most, const Reaches& reaches) {
    std::size_t low = least - 1;  // does not reach it, as far as is known
    std::size_t high = least;
    while (!reaches(high) && high < most) {
      low = high;
      high *= 2;
    }
    while (high - low > 1) {
      const std::size_t middle = low + (high - low) / 2;
      (reaches(middle) ? high : low) = middle;
    }
    return high;
  }

  [[nodiscard]] Neighbors search(const SearchDefaults& tried) const {
    return index_.search(queries_, {.k = k_,
                                    .beam = tried.beam,
                                    .rerank = fused() ? 0 : std::max(tried.beam, tried.rerank),
                                    .gamma = tried.gamma,
                                    .candidates = tried.candidates});
  }

  /// On the queries that choose.
  [[nodiscard]] Tried measure(const SearchDefaults& tried) const {
    const Neighbors found = search(tried);
    // A fused row is read whole.
    const std::uint64_t rows = fused() ? found.stats.hops : found.stats.distances;
    return {mean_of(recalls_of(found, truth_, 0, step_)),
            static_cast<double>(rows) * walked_bytes_ +
                static_cast<double>(found.stats.reranked) * ranking_bytes_};
  }

  /// On the others.
  void check(Tuned& tuned) const {
    write_interval(recalls_of(search(tuned.defaults), truth_, step_ - 1, step_), tuned);
  }

  [[nodiscard]] bool reaches(const SearchDefaults& tried) const {
    return measure(tried).recall >= recall_;
  }

  [[nodiscard]] std::size_t smallest_beam() const {
    const std::size_t most = std::min<std::size_t>(std::max(index_.size(), k_), 100'000);
    return smallest(fused() ? 1 : k_, most,
                    [&](std::size_t beam) { return reaches({.beam = beam, .rerank = beam}); });
  }

  /// A wide walk that ends by gamma may take fewer hops. cost: of `best`.
  [[nodiscard]] Tuned stopped_early(Tuned best, double cost) const {
    constexpr std::size_t wider = 4;
    constexpr std::size_t most_steps = 64;
    const auto defaults_of = [&](std::size_t step) {
      return SearchDefaults{.beam = wider * best.defaults.beam,
                            .gamma = 0.001F * std::pow(1.15F, static_cast<float>(step))};
    };
    const std::size_t step =
        smallest(1, most_steps, [&](std::size_t tried) { return reaches(defaults_of(tried)); });
    const Tried tried = measure(defaults_of(step));
    if (tried.recall < recall_ || tried.cost >= cost) return best;
    return {.defaults = defaults_of(step), .recall = tried.recall};
  }

  /// A narrower walk that keeps more candidates may cost less (SVS, split buffer). cost: of `best`.
  [[nodiscard]] Tuned narrowed(Tuned best, double cost) const {
    constexpr double shrink = 0.8;
    constexpr int narrowings = 7;
    constexpr std::size_t widest = 10;
    const std::size_t start = best.defaults.beam;
    std::size_t before = start;
    double share = 1;
    for (int i = 0; i < narrowings; ++i) {
      share *= shrink;
      const auto beam =
          std::max<std::size_t>(k_, static_cast<std::size_t>(share * static_cast<double>(start)));
      const std::size_t most = widest * start;
      if (beam == before) break;
      before = beam;
      if (!reaches({.beam = beam, .rerank = most})) break;
      const std::size_t rerank = smallest(
          beam, most, [&](std::size_t count) { return reaches({.beam = beam, .rerank = count}); });
      const Tried tried = measure({.beam = beam, .rerank = rerank});
      if (tried.recall < recall_ || tried.cost >= cost) continue;
      cost = tried.cost;
      best = {.defaults = {.beam = beam, .rerank = rerank}, .recall = tried.recall};
    }
    return best;
  }

 private:
  const Index& index_;
  const Batch& queries_;
  double recall_;
  std::size_t k_;
  Neighbors truth_;
  std::size_t step_;  ///< every step_-th query chooses
  double walked_bytes_ = 0;
  double ranking_bytes_ = 0;
};

/// The fewest candidates; the graph is walked with a beam of as many.
Tuned tune_candidates(const Tuner& tuner, std::size_t least, std::size_t most) {
  const auto defaults_of = [](std::size_t count) {
    return SearchDefaults{.beam = count, .rerank = 0, .candidates = count};
  };
  const std::size_t found = Tuner::smallest(
      least, most, [&](std::size_t count) { return tuner.reaches(defaults_of(count)); });
  return {.defaults = defaults_of(found), .recall = tuner.measure(defaults_of(found)).recall};
}

}  // namespace

Tuned tune(Index& index, const Batch& queries, double recall, std::size_t k) {
  if (!(recall > 0 && recall <= 1))
    throw std::invalid_argument(concat("tune: recall must be in (0, 1], got ", recall));
  if (queries.count == 0) throw std::invalid_argument("tune: there are no queries");
  if (index.size() == 0) throw std::invalid_argument("tune: the index is empty");
  constexpr std::size_t limit = 1'000'000;
  const Tuner tuner(index, queries, recall, k);
  Tuned best;
  if (index.config().metric == Metric::chamfer) {
    best = tune_candidates(tuner, k, std::max(index.size(), k));
    best.defaults.candidates = std::min(best.defaults.candidates, limit);
  } else {
    const std::size_t beam = tuner.smallest_beam();
    const SearchDefaults widest{.beam = beam, .rerank = tuner.fused() ? 0 : beam};
    const Tried tried = tuner.measure(widest);
    best = {.defaults = widest, .recall = tried.recall};
    if (tuner.reranks() && best.recall >= recall) best = tuner.narrowed(best, tried.cost);
    if (tuner.fused() && best.recall >= recall && index.config().metric != Metric::inner_product)
      best = tuner.stopped_early(best, tried.cost);
  }
  best.defaults.beam = std::min(best.defaults.beam, limit);
  best.defaults.rerank = tuner.reranks() ? std::min(best.defaults.rerank, limit) : 0;
  tuner.check(best);
  index.set_defaults(best.defaults);
  return best;
}

}  // namespace vecinal
