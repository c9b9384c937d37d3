#include "index/quantizer_trial.hpp"

#include <algorithm>
#include <cmath>

#include "backend/scan.hpp"
#include "core/dot.hpp"
#include "index/rows.hpp"

namespace vecinal {
namespace {

constexpr std::size_t trial_rows = 10'000;

/// A rotation costs time on every query, so it must add this much to the recall.
constexpr double rotation_gain = 0.003;

struct Trial {
  bool rotated = false;
  bool fitted = false;
  double recall = 0;
  double squared_error = 0;
};

/// Projected sample rows, on which quantizers are tried: the first of them are also the queries.
class TrialRows {
 public:
  TrialRows(const Config& config, const Sample& sample, const Model::Parts& parts, unsigned threads)
      : config_(config),
        threads_(threads),
        dim_(parts.walk_dim),
        padded_(kernels::padded_codes(dim_)),
        count_(std::min(sample.count(), trial_rows)),
        values_(count_ * padded_) {
    const std::size_t stride = sample.view().stride;
    for (std::size_t i = 0; i < count_; ++i) {
      const float* from = sample.view().row(i * sample.count() / count_);
      float* to = values_.data() + i * padded_;
      if (parts.data.empty())
        std::copy_n(from, dim_, to);
      else
        multiply(parts.data, {from, 1, stride}, to, padded_);
      full_ += dot(from, from, config.dim);
      const double kept = dot(to, to, padded_);
      kept_ += kept;
      longest_ = std::max(longest_, std::sqrt(kept));
    }
    truth_ = nearest({.type = kernels::RowType::f32,
                      .op = ip() ? kernels::Op::negative_dot : kernels::Op::l2,
                      .dim = padded_},
                     Rotation(), nullptr);
  }

  /// Runs one trial: how many of the nearest neighbours it finds, and its error.
  void run(Trial& trial) const {
    const Rotation rotation = trial.rotated ? Rotation(padded_, config_.seed) : Rotation();
    const auto found = nearest({.type = walked_type(config_.encoding),
                                .dim = dim_,
                                .fitted = trial.fitted,
                                .weight = ip() ? -1.0F : -2.0F,
                                .correction = ip() ? 0.0F : 2.0F},
                               rotation, &trial.squared_error);
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

  /// The nearest rows of every query, in this format.
  [[nodiscard]] std::vector<std::vector<Slot>> nearest(const RowFormat& format,
                                                       const Rotation& rotation,
                                                       double* squared_error) const {
    Storage storage(format);
    storage.resize(count_);
    QueryBuffer buffer(storage);
    AlignedFloats rotated(count_ * padded_);
    std::copy_n(values_.data(), count_ * padded_, rotated.data());
    for (std::size_t i = 0; i < count_; ++i) {
      float* row = rotated.data() + i * padded_;
      rotation.apply(row);
      const float bias = ip() ? 0.0F : static_cast<float>(dot(row, row, padded_));
      const Encoded done = storage.set(static_cast<Slot>(i), row, bias, buffer);
      if (squared_error != nullptr) *squared_error += done.squared_error;
    }
    std::vector<Query> asked;
    for (std::size_t i = 0; i < std::min(queries, count_); ++i)
      asked.push_back({rotated.data() + i * padded_});
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
                      Model::Parts& parts) {
  if (has_float_rows(config.encoding)) return;
  const TrialRows rows(config, sample, parts, threads);
  std::vector<Trial> trials = trials_of(config);
  const Trial* best = nullptr;
  for (Trial& trial : trials) {
    rows.run(trial);
    const double handicap = trial.rotated && best != nullptr && !best->rotated ? rotation_gain : 0;
    if (best == nullptr || trial.recall - handicap > best->recall) best = &trial;
  }
  parts.rotated = best->rotated;
  parts.fitted = best->fitted;
  parts.trained_error = rows.relative_error(*best);
}

}  // namespace vecinal
