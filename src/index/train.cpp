#include "index/train.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/concat.hpp"
#include "core/find_first.hpp"
#include "index/quantizer_trial.hpp"
#include "index/rows.hpp"
#include "index/sample.hpp"
#include "transform/prepare.hpp"
#include "transform/reduce.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

bool learns_directions(const Config& config) {
  return config.reduction == Reduction::pca || config.reduction == Reduction::leanvec_ood;
}

Moments moments_of(const Sample& sample, std::size_t dim, unsigned threads, const Stretch& watch) {
  Moments moments(dim * dim, 0.0);
  add_moments(sample.view(), dim, threads, moments.data(),
              [&](std::size_t done) { watch.update(done, sample.count()); });
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
                     Model::Parts& parts, const Stretch& watch) {
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
  const float factor = sample.normalise();
  queries.normalise();
  const Moments data = moments_of(sample, dim, threads, watch.part(0, .4));
  sample.scale(1.0F / factor);
  const bool ood = config.reduction == Reduction::leanvec_ood;
  const Projection learned =
      ood ? learn_leanvec(data, moments_of(queries, dim, threads, watch.part(.4, .6)), dim,
                          config.reduced_dim)
          : learn_pca(data, dim, config.reduced_dim);
  watch.update(1, 1);
  parts.walk_dim = learned.reduced_dim;
  parts.data = transposed(learned.data, dim);
  if (ood) parts.query = transposed(learned.query, dim);
}

}  // namespace

bool needs_training(const Config& config) {
  return !has_float_rows(config.encoding) || config.reduction != Reduction::none;
}

std::size_t sample_limit(const Config& config) {
  // A covariance takes about ten vectors for a dimension; of long vectors few say what a mean is.
  if (learns_directions(config)) return std::clamp<std::size_t>(10 * config.dim, 20'000, 100'000);
  constexpr std::size_t most_floats = std::size_t{1} << 24U;
  return std::clamp<std::size_t>(most_floats / config.dim, 2'000, 20'000);
}

void refuse_sets(const Batch& batch, const char* what) {
  if (!batch.offsets.empty())
    throw std::invalid_argument(
        concat(what, ": the batch has offsets: sets of vectors need the metric \"chamfer\""));
}

void validate_batch(const Config& config, const Batch& batch, const char* what) {
  if (batch.count == 0) return;
  if (batch.dim != config.dim)
    throw std::invalid_argument(
        concat(what, ": vectors have ", batch.dim, " dims, the index has ", config.dim));
  const std::size_t faulty =
      find_first({.count = batch.count, .grain = 256, .threads = resolve_threads(config.threads)},
                 [&](std::size_t i) {
                   return fault_of(config.metric, batch.row(i), config.dim) != RowFault::none;
                 });
  if (faulty != batch.count)
    throw std::invalid_argument(
        concat(what, ": row ", faulty, " ",
               describe(fault_of(config.metric, batch.row(faulty), config.dim))));
}

Model train_model(const Config& config, const Batch& sample, const Batch& queries, unsigned threads,
                  const Stretch& watch) {
  if (!needs_training(config)) return Model(config.dim);
  if (sample.count == 0) throw std::invalid_argument("train: there are no vectors to learn from");
  if (config.reduction == Reduction::leanvec_ood && queries.count == 0)
    throw NotTrained(
        "train: leanvec_ood learns from queries too: call train(sample, queries) first");
  const std::size_t least = std::max<std::size_t>(config.reduced_dim, 1);
  if (learns_directions(config) && sample.count < least)
    throw std::invalid_argument(concat("train: ", sample.count, " vectors are too few to learn ",
                                       least, " dimensions from: give at least as many"));
  watch.update(0, 1);
  Sample vectors(config, sample, sample_limit(config), threads);
  vectors.drop_outliers();
  Sample wanted(config, queries, sample_limit(config), threads);
  Model::Parts parts;
  parts.mean.assign(config.dim, 0.0F);
  // Float rows have no bias for what centring takes from an inner product.
  if (!has_float_rows(config.encoding) || config.metric != Metric::inner_product)
    parts.mean = vectors.mean(config.dim);
  parts.walk_dim = config.dim;
  parts.reduced = config.reduction != Reduction::none;
  parts.seed = config.seed;
  vectors.center(parts.mean);
  wanted.center(parts.mean);
  watch.update(1, 10);
  learn_reduction(config, vectors, wanted, threads, parts, watch.part(.1, .7));
  choose_quantizer(config, vectors, threads, parts, watch.part(.7, 1));
  return Model(std::move(parts));
}

Quantizer quantizer_of(const Model& model) {
  if (model.rotated()) return model.fitted() ? Quantizer::rotated_fitted : Quantizer::rotated;
  return model.fitted() ? Quantizer::fitted : Quantizer::plain;
}

}  // namespace vecinal
