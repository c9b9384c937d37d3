// tune(): the cheapest search that reaches a recall.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "core/concat.hpp"
#include "vecinal/error.hpp"
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
  // The ends of a share of 0 or 1 are that, but for rounding.
  to.checked_low = std::clamp(middle - half, 0.0, p);
  to.checked_high = std::clamp(middle + half, p, 1.0);
}

/// One setting, tried.
struct Tried {
  double recall = 0;
  double cost = 0;  ///< bytes of rows read
};

class Tuner {
 public:
  Tuner(const Index& index, const Batch& queries, double recall, std::size_t k,
        const Progress& progress)
      : index_(index),
        stats_(index.stats()),
        queries_(queries),
        recall_(recall),
        k_(k),
        progress_(progress),
        truth_(search({.k = k, .exact = true})),
        step_(truth_.queries >= 40 ? 2 : 1) {
    const auto rows = static_cast<double>(std::max<std::size_t>(stats_.size + stats_.removed, 1));
    walked_bytes_ = static_cast<double>(stats_.bytes_rows) / rows;
    ranking_bytes_ = static_cast<double>(stats_.bytes_secondary) / rows;
  }

  /// The cheapest settings that reach the recall, or the widest tried.
  [[nodiscard]] SearchDefaults choose() const {
    if (index_.config().metric == Metric::chamfer) return fewest_candidates();
    const std::size_t beam = smallest_beam();
    SearchDefaults best{.beam = beam, .rerank = reranks() ? beam : 0};
    const Tried tried = measure(best);
    if (tried.recall < recall_) return best;
    if (reranks()) best = narrowed(best, tried.cost);
    if (fused() && index_.config().metric != Metric::inner_product)
      best = stopped_early(best, tried.cost);
    return best;
  }

  /// The settings as an index keeps them: measured on the queries that chose them and on the
  /// others.
  [[nodiscard]] Tuned checked(const SearchDefaults& chosen) const {
    const Neighbors found = search(chosen);
    Tuned tuned{.target = recall_,
                .k = k_,
                .defaults = chosen,
                .recall = mean_of(recalls_of(found, truth_, 0, step_)),
                .items = stats_.size,
                .revision = stats_.revision};
    write_interval(recalls_of(found, truth_, step_ - 1, step_), tuned);
    if (progress_) progress_(asked_, asked_);
    return tuned;
  }

 private:
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

  /// Nothing is left to the index's own defaults, which may stem from another tune(): where the
  /// settings say 0, what that stands for is spelt out.
  [[nodiscard]] Neighbors search(const SearchDefaults& tried) const {
    const std::size_t scored = tried.beam + 2 * std::max(k_, tried.candidates);
    return search({.k = k_,
                   .beam = tried.beam,
                   .rerank = fused() ? scored : std::max(tried.beam, tried.rerank),
                   .gamma = tried.gamma != 0 ? tried.gamma : max_gamma,
                   .candidates = tried.candidates});
  }

  /// One of many searches, of which nobody knows how many there will be: progress is that of the
  /// queries answered, of as many as there usually are.
  [[nodiscard]] Neighbors search(SearchParams params) const {
    constexpr std::size_t usual_searches = 30;
    bool stopped = false;
    if (progress_)
      params.progress = [&](std::size_t done, std::size_t total) {
        stopped = !progress_(asked_ + done, std::max(usual_searches * total, asked_ + total));
        return !stopped;
      };
    Neighbors found = index_.search(queries_, params);
    // The last call of a search, which may be its only one, does not stop it.
    if (stopped) throw Cancelled("cancelled by the progress callback");
    asked_ += queries_.count;
    return found;
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

  [[nodiscard]] bool reaches(const SearchDefaults& tried) const {
    return measure(tried).recall >= recall_;
  }

  [[nodiscard]] std::size_t smallest_beam() const {
    const std::size_t most = std::min<std::size_t>(std::max(index_.size(), k_), 100'000);
    return smallest(fused() ? 1 : k_, most,
                    [&](std::size_t beam) { return reaches({.beam = beam, .rerank = beam}); });
  }

  /// The graph is walked with a beam of as many.
  [[nodiscard]] SearchDefaults fewest_candidates() const {
    const auto defaults_of = [](std::size_t count) {
      return SearchDefaults{.beam = count, .rerank = 0, .candidates = count};
    };
    return defaults_of(smallest(k_, std::max(index_.size(), k_),
                                [&](std::size_t count) { return reaches(defaults_of(count)); }));
  }

  /// A wide walk that ends by gamma may take fewer hops. cost: of `best`.
  [[nodiscard]] SearchDefaults stopped_early(const SearchDefaults& best, double cost) const {
    constexpr std::size_t wider = 4;
    constexpr std::size_t most_steps = 64;
    const auto defaults_of = [&](std::size_t step) {
      return SearchDefaults{.beam = wider * best.beam,
                            .gamma = 0.001F * std::pow(1.15F, static_cast<float>(step))};
    };
    const std::size_t step =
        smallest(1, most_steps, [&](std::size_t tried) { return reaches(defaults_of(tried)); });
    const Tried tried = measure(defaults_of(step));
    return tried.recall < recall_ || tried.cost >= cost ? best : defaults_of(step);
  }

  /// A narrower walk that keeps more candidates may cost less (SVS, split buffer). cost: of `best`.
  [[nodiscard]] SearchDefaults narrowed(SearchDefaults best, double cost) const {
    constexpr double shrink = 0.8;
    constexpr int narrowings = 7;
    constexpr std::size_t widest = 10;
    const std::size_t start = best.beam;
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
      best = {.beam = beam, .rerank = rerank};
    }
    return best;
  }

  const Index& index_;
  Stats stats_;  ///< before what is measured
  const Batch& queries_;
  double recall_;
  std::size_t k_;
  const Progress& progress_;
  mutable std::size_t asked_ = 0;  ///< queries that have been answered
  Neighbors truth_;
  std::size_t step_;  ///< every step_-th query chooses
  double walked_bytes_ = 0;
  double ranking_bytes_ = 0;
};

}  // namespace

Tuned tune(Index& index, const Batch& queries, double recall, std::size_t k,
           const Progress& progress) {
  if (!(recall > 0 && recall <= 1))
    throw std::invalid_argument(concat("tune: recall must be in (0, 1], got ", recall));
  if (queries.count == 0) throw std::invalid_argument("tune: there are no queries");
  constexpr std::size_t limit = 1'000'000;
  for (;;) {
    if (index.size() == 0) throw std::invalid_argument("tune: the index is empty");
    const Tuner tuner(index, queries, recall, k, progress);
    SearchDefaults chosen = tuner.choose();
    chosen.beam = std::min(chosen.beam, limit);
    chosen.rerank = std::min(chosen.rerank, limit);
    chosen.candidates = std::min(chosen.candidates, limit);
    const Tuned tuned = tuner.checked(chosen);
    // Where a retrain() or fit_queries() came between, it was another index that was measured.
    if (index.keep_tuned(tuned)) return tuned;
  }
}

}  // namespace vecinal
