#include "index/train.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "backend/scan.hpp"
#include "core/concat.hpp"
#include "transform/prepare.hpp"
#include "transform/reduce.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

/// Statistics need no more vectors than this, and a covariance about ten for a dimension.
std::size_t sample_limit(std::size_t dim) {
  return std::clamp<std::size_t>(10 * dim, 20'000, 100'000);
}

constexpr std::size_t trial_rows = 10'000;

/// Vectors this many times longer than the median one have no say in the mean: one of them would
/// leave the grids of all others without resolution.
constexpr float outlier = 1000.0F;

/// A rotation costs time on every query, so it must add this much to the recall.
constexpr double rotation_gain = 0.003;

/// Prepared vectors, in rows of padded floats.
class Sample {
 public:
  Sample(const Config& config, const Batch& batch, std::size_t limit)
      : stride_(kernels::padded_codes(config.dim)) {
    const std::size_t count = std::min(batch.count, limit);
    values_ = AlignedFloats(count * stride_);
    for (std::size_t i = 0; i < count; ++i) {
      float* row = values_.data() + i * stride_;
      norms_.push_back(
          prepare_row(config.metric, batch.row(i * batch.count / count), config.dim, row).norm);
    }
  }

  [[nodiscard]] std::size_t count() const { return norms_.size(); }
  [[nodiscard]] float* row(std::size_t i) { return values_.data() + i * stride_; }
  [[nodiscard]] Vectors view() const { return {values_.data(), count(), stride_}; }

  void drop_outliers() {
    if (norms_.empty()) return;
    std::vector<float> sorted = norms_;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count() / 2),
                     sorted.end());
    const float limit = outlier * sorted[count() / 2];
    std::size_t kept = 0;
    for (std::size_t i = 0; i < norms_.size(); ++i) {
      if (limit > 0 && norms_[i] > limit) continue;
      if (kept != i) std::copy_n(row(i), stride_, row(kept));
      norms_[kept++] = norms_[i];
    }
    norms_.resize(kept);
  }

  [[nodiscard]] std::vector<float> mean(std::size_t dim) {
    std::vector<double> sums(dim, 0.0);
    for (std::size_t i = 0; i < count(); ++i)
      for (std::size_t d = 0; d < dim; ++d) sums[d] += static_cast<double>(row(i)[d]);
    std::vector<float> mean(dim, 0.0F);
    for (std::size_t d = 0; d < dim && count() != 0; ++d)
      mean[d] = static_cast<float>(sums[d] / static_cast<double>(count()));
    return mean;
  }

  void center(const std::vector<float>& mean) {
    for (std::size_t i = 0; i < count(); ++i)
      for (std::size_t d = 0; d < mean.size(); ++d) row(i)[d] -= mean[d];
  }

 private:
  std::size_t stride_;
  AlignedFloats values_;
  std::vector<float> norms_;
};

bool is_float(Encoding encoding) { return encoding == Encoding::f32 || encoding == Encoding::f16; }

Moments moments_of(const Sample& sample, std::size_t dim, unsigned threads) {
  Moments moments(dim * dim, 0.0);
  add_moments(sample.view(), dim, threads, moments.data());
  for (double& value : moments)
    value /= static_cast<double>(std::max<std::size_t>(sample.count(), 1));
  return moments;
}

/// Directions as the rows of a float matrix.
Matrix transposed(const std::vector<double>& directions, std::size_t dim) {
  Matrix matrix(directions.size() / dim, dim);
  for (std::size_t r = 0; r < matrix.rows(); ++r)
    for (std::size_t d = 0; d < dim; ++d)
      matrix.row(r)[d] = static_cast<float>(directions[r * dim + d]);
  return matrix;
}

void learn_reduction(const Config& config, Sample& sample, Sample& queries, unsigned threads,
                     Model::Parts& parts) {
  const std::size_t dim = config.dim;
  switch (config.reduction) {
    case Reduction::none:
      return;
    case Reduction::prefix: {
      std::vector<double> energies(dim, 0.0);
      for (std::size_t i = 0; i < sample.count(); ++i)
        for (std::size_t d = 0; d < dim; ++d)
          energies[d] +=
              static_cast<double>(sample.row(i)[d]) * static_cast<double>(sample.row(i)[d]);
      parts.walk_dim = config.reduced_dim != 0 ? config.reduced_dim : choose_dim(energies);
      return;
    }
    case Reduction::pca:
    case Reduction::leanvec_ood:
      break;
  }
  const Moments data = moments_of(sample, dim, threads);
  const bool ood = config.reduction == Reduction::leanvec_ood;
  const Projection learned =
      ood ? learn_leanvec(data, moments_of(queries, dim, threads), dim, config.reduced_dim)
          : learn_pca(data, dim, config.reduced_dim);
  parts.walk_dim = learned.reduced_dim;
  parts.data = transposed(learned.data, dim);
  if (ood) parts.query = transposed(learned.query, dim);
}

struct Trial {
  bool rotated = false;
  bool fitted = false;
  double recall = 0;
  double squared_error = 0;
};

double squared(const float* row, std::size_t count) {
  double sum = 0;
  for (std::size_t d = 0; d < count; ++d)
    sum += static_cast<double>(row[d]) * static_cast<double>(row[d]);
  return sum;
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
        values_(count_ * padded_) {
    const std::size_t stride = sample.view().stride;
    for (std::size_t i = 0; i < count_; ++i) {
      const float* from = sample.view().row(i * sample.count() / count_);
      float* to = values_.data() + i * padded_;
      if (parts.data.empty())
        std::copy_n(from, dim_, to);
      else
        multiply(parts.data, {from, 1, stride}, to, padded_);
      full_ += squared(from, config.dim);
      const double kept = squared(to, padded_);
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
    const bool eight = config_.encoding == Encoding::lvq8 || config_.encoding == Encoding::lvq8x8;
    const Rotation rotation = trial.rotated ? Rotation(padded_, config_.seed) : Rotation();
    const auto found = nearest({.type = eight ? kernels::RowType::lvq8 : kernels::RowType::lvq4,
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
      const float bias = ip() ? 0.0F : static_cast<float>(squared(row, padded_));
      const Encoded done = storage.set(static_cast<Slot>(i), row, bias, buffer);
      if (squared_error != nullptr) *squared_error += done.squared_error;
    }
    std::vector<Query> asked;
    for (std::size_t i = 0; i < std::min(queries, count_); ++i)
      asked.push_back({rotated.data() + i * padded_});
    std::vector<std::vector<Slot>> result(asked.size());
    scan(storage, count_, {}, asked,
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
  // With 8 bits the error is so small that no choice would show in the answers.
  if (config.encoding == Encoding::lvq8 || config.encoding == Encoding::lvq8x8)
    return {{false, false}};
  return {{false, false}, {false, true}, {true, true}};
}

void choose_quantizer(const Config& config, const Sample& sample, unsigned threads,
                      Model::Parts& parts) {
  if (is_float(config.encoding)) return;
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

}  // namespace

bool needs_training(const Config& config) {
  return !is_float(config.encoding) || config.reduction != Reduction::none;
}

void validate_batch(const Config& config, const Batch& batch, const char* what) {
  if (batch.count == 0) return;
  if (batch.dim != config.dim)
    throw std::invalid_argument(
        concat(what, ": vectors have ", batch.dim, " dims, the index has ", config.dim));
  std::vector<float> row(config.dim);
  for (std::size_t i = 0; i < batch.count; ++i)
    if (const auto [fault, norm] = prepare_row(config.metric, batch.row(i), config.dim, row.data());
        fault != RowFault::none)
      throw std::invalid_argument(concat(what, ": row ", i, " ", describe(fault)));
}

Model train_model(const Config& config, const Batch& sample, const Batch& queries,
                  unsigned threads) {
  if (!needs_training(config)) return Model(config.dim);
  if (sample.count == 0) throw std::invalid_argument("train: there are no vectors to learn from");
  if (config.reduction == Reduction::leanvec_ood && queries.count == 0)
    throw NotTrained(
        "train: leanvec_ood learns from queries too: call train(sample, queries) first");
  const bool learned =
      config.reduction == Reduction::pca || config.reduction == Reduction::leanvec_ood;
  const std::size_t least = std::max<std::size_t>(config.reduced_dim, 1);
  if (learned && sample.count < least)
    throw std::invalid_argument(concat("train: ", sample.count, " vectors are too few to learn ",
                                       least, " dimensions from: give at least as many"));
  Sample vectors(config, sample, sample_limit(config.dim));
  vectors.drop_outliers();
  Sample wanted(config, queries, sample_limit(config.dim));
  Model::Parts parts;
  parts.mean.assign(config.dim, 0.0F);
  // Float rows have no bias for what centring takes from an inner product.
  if (!is_float(config.encoding) || config.metric != Metric::inner_product)
    parts.mean = vectors.mean(config.dim);
  parts.walk_dim = config.dim;
  parts.reduced = config.reduction != Reduction::none;
  parts.seed = config.seed;
  vectors.center(parts.mean);
  wanted.center(parts.mean);
  learn_reduction(config, vectors, wanted, threads, parts);
  choose_quantizer(config, vectors, threads, parts);
  return Model(std::move(parts));
}

}  // namespace vecinal
