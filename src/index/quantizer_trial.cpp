#include "index/quantizer_trial.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "backend/scan.hpp"
#include "core/dot.hpp"
#include "core/parallel.hpp"
#include "index/rows.hpp"

namespace vecinal {
namespace {

constexpr std::size_t trial_rows = 10'000;

/// A rotation costs time on every query, so it must add this much to the recall.
constexpr double rotation_gain = 0.003;

/// Squared lengths of a vector and of what a reduction keeps of it.
struct Norms {
  double full = 0;
  double kept = 0;
};

struct Trial {
  bool rotated = false;
  bool fitted = false;
  double recall = 0;
  double squared_error = 0;
};

/// Spread over the padding of a row too, a vector has more codes for the same memory. In the fused
/// layout each dim has 32 signs besides.
std::size_t rotated_dim(const Config& config, std::size_t walk_dim) {
  return config.layout == Layout::fused ? kernels::grouped_signs(walk_dim)
                                        : kernels::padded_codes(walk_dim);
}

/// Projected sample rows, on which quantizers are tried: the first of them are also the queries.
class TrialRows {
 public:
  TrialRows(const Config& config, const Sample& sample, const Model::Parts& parts, unsigned threads)
      : config_(config),
        threads_(threads),
        dim_(parts.walk_dim),
        padded_(kernels::padded_codes(dim_)),
        count_(std::min(sample.count(), trial_rows)),
        values_(AlignedFloats::unset(count_ * padded_)) {
    std::vector<Norms> norms(count_);
    for_rows([&](std::size_t i, unsigned) {
      const float* from = sample.view().row(i * sample.count() / count_);
      float* to = values_.data() + i * padded_;
      std::fill_n(to, padded_, 0.0F);
      if (parts.data.empty())
        std::copy_n(from, dim_, to);
      else
        multiply(parts.data, {from, 1, sample.view().stride}, to, padded_);
      norms[i] = {dot(from, from, config.dim), dot(to, to, padded_)};
    });
    // Added up in the order of the rows, or the last bits would depend on the threads.
    for (const auto& [full, kept] : norms) {
      full_ += full;
      kept_ += kept;
      longest_ = std::max(longest_, std::sqrt(kept));
    }
  }

  /// From here on run() counts neighbours: what only the comparison of trials needs.
  void find_neighbours() {
    Storage storage({.type = kernels::RowType::f32,
                     .op = ip() ? kernels::Op::negative_dot : kernels::Op::l2,
                     .dim = padded_});
    static_cast<void>(fill(storage, values_));
    truth_ = nearest(storage, values_);
  }

  /// Runs one trial: its error, and how many of the nearest neighbours it finds.
  void run(Trial& trial) const {
    AlignedFloats rotated;
    if (trial.rotated) rotated = rotate();
    const AlignedFloats& rows = trial.rotated ? rotated : values_;
    Storage storage({.type = walked_type(config_.encoding),
                     .dim = dim_,
                     .fitted = trial.fitted,
                     .weight = ip() ? -1.0F : -2.0F,
                     .correction = ip() ? 0.0F : 2.0F});
    trial.squared_error = fill(storage, rows);
    if (truth_.empty()) return;
    const auto found = nearest(storage, rows);
    std::size_t hits = 0;
    std::size_t wanted = 0;
    for (std::size_t q = 0; q < truth_.size(); ++q) {
      wanted += truth_[q].size();
      for (const Slot slot : truth_[q])
        hits += std::find(found[q].begin(), found[q].end(), slot) != found[q].end() ? 1U : 0U;
    }
    trial.recall = wanted == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(wanted);
  }

  /// Squared error of the encoding and of the reduction, over the squared length of the vectors.
  [[nodiscard]] double relative_error(const Trial& trial) const {
    return full_ > 0 ? (trial.squared_error + std::max(0.0, full_ - kept_)) / full_ : 0.0;
  }

 private:
  static constexpr std::size_t queries = 200;
  static constexpr std::size_t neighbours = 10;

  [[nodiscard]] bool ip() const { return config_.metric == Metric::inner_product; }

  /// Calls body(row, worker) for all rows.
  template <class Body>
  void for_rows(const Body& body) const {
    parallel_for({.count = count_, .grain = 64, .threads = threads_},
                 [&](std::size_t begin, std::size_t end, unsigned worker) {
                   for (std::size_t i = begin; i < end; ++i) body(i, worker);
                 });
  }

  [[nodiscard]] AlignedFloats rotate() const {
    const Rotation rotation(rotated_dim(config_, dim_), config_.seed);
    AlignedFloats rotated = AlignedFloats::unset(count_ * padded_);
    for_rows([&](std::size_t i, unsigned) {
      float* row = rotated.data() + i * padded_;
      std::copy_n(values_.data() + i * padded_, padded_, row);
      rotation.apply(row);
    });
    return rotated;
  }

  /// Encodes the rows; the squared error of the encoding.
  [[nodiscard]] double fill(Storage& storage, const AlignedFloats& rows) const {
    storage.resize(count_);
    std::vector<QueryBuffer> buffers;
    for (unsigned i = 0; i < threads_; ++i) buffers.emplace_back(storage);
    std::vector<double> errors(count_);
    for_rows([&](std::size_t i, unsigned worker) {
      const float* row = rows.data() + i * padded_;
      const float bias = ip() ? 0.0F : static_cast<float>(dot(row, row, padded_));
      errors[i] = storage.set(static_cast<Slot>(i), row, bias, buffers[worker]).squared_error;
    });
    return std::accumulate(errors.begin(), errors.end(), 0.0);
  }

  /// The nearest rows of every query, in this format.
  [[nodiscard]] std::vector<std::vector<Slot>> nearest(const Storage& storage,
                                                       const AlignedFloats& rows) const {
    std::vector<Query> asked;
    for (std::size_t i = 0; i < std::min(queries, count_); ++i)
      asked.push_back({rows.data() + i * padded_});
    std::vector<std::vector<Slot>> result(asked.size());
    scan(storage, {count_}, asked,
         {.k = neighbours + 1, .max_norm = static_cast<float>(1.5 * longest_), .threads = threads_},
         [&](std::size_t q, std::span<Scored> best) {
           std::sort(best.begin(), best.end());
           for (const Scored& row : best.first(std::min(best.size(), neighbours + 1)))
             if (row.slot != q) result[q].push_back(row.slot);
         },
         {});
    return result;
  }

  const Config& config_;
  unsigned threads_;
  std::size_t dim_;
  std::size_t padded_;
  std::size_t count_;
  AlignedFloats values_;
  double full_ = 0;
  double kept_ = 0;
  double longest_ = 0;
  std::vector<std::vector<Slot>> truth_;
};

std::vector<Trial> trials_of(const Config& config) {
  switch (config.quantizer) {
    case Quantizer::plain:
      return {{false, false}};
    case Quantizer::fitted:
      return {{false, true}};
    case Quantizer::rotated:
      return {{true, false}};
    case Quantizer::rotated_fitted:
      return {{true, true}};
    case Quantizer::automatic:
      break;
  }
  // Estimates by signs need values of like size, which the rotation brings about.
  const bool rotate = config.layout == Layout::fused;
  // With 8 bits the error is so small that no choice would show in the answers.
  if (walked_type(config.encoding) == kernels::RowType::lvq8) return {{rotate, false}};
  if (rotate) return {{true, false}, {true, true}};
  return {{false, false}, {false, true}, {true, true}};
}

}  // namespace

void choose_quantizer(const Config& config, const Sample& sample, unsigned threads,
                      Model::Parts& parts, const Stretch& watch) {
  if (has_float_rows(config.encoding)) return;
  TrialRows rows(config, sample, parts, threads);
  std::vector<Trial> trials = trials_of(config);
  if (trials.size() > 1) rows.find_neighbours();
  const Trial* best = nullptr;
  for (Trial& trial : trials) {
    watch.update(static_cast<std::size_t>(&trial - trials.data()), trials.size());
    rows.run(trial);
    const double handicap = trial.rotated && best != nullptr && !best->rotated ? rotation_gain : 0;
    if (best == nullptr || trial.recall - handicap > best->recall) best = &trial;
  }
  parts.rotated_dim = best->rotated ? rotated_dim(config, parts.walk_dim) : 0;
  parts.fitted = best->fitted;
  parts.trained_error = rows.relative_error(*best);
}

}  // namespace vecinal
