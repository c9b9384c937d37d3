// FdeEncoder: MUVERA section 2 and its algorithm, with the final projection folded in.
#include "vecinal/fde.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "core/concat.hpp"
#include "core/parallel.hpp"
#include "multivector/cells.hpp"
#include "multivector/fde_worker.hpp"
#include "multivector/sets.hpp"

namespace vecinal {
namespace {

void require(bool holds, const char* field, const char* rule, std::size_t value) {
  if (!holds)
    throw std::invalid_argument(concat("fde: ", field, " must be ", rule, ", got ", value));
}

FdeConfig checked(FdeConfig config) {
  constexpr std::size_t usual = 16;
  FdeParams& params = config.params;
  if (params.projected_dim == 0) params.projected_dim = std::min(usual, config.dim);
  require(config.dim >= 1 && config.dim <= 65536, "dim", "1 to 65,536", config.dim);
  require(params.k_sim <= 10, "k_sim", "0 to 10", params.k_sim);
  require(params.projected_dim >= 1 && params.projected_dim <= config.dim, "projected_dim",
          "1 to dim", params.projected_dim);
  require(params.repetitions >= 1 && params.repetitions <= 1000, "repetitions", "1 to 1,000",
          params.repetitions);
  require(config.threads <= 4096, "threads", "at most 4,096", config.threads);
  const std::size_t whole =
      params.repetitions * (std::size_t{1} << params.k_sim) * params.projected_dim;
  require(whole <= (std::size_t{1} << 26U), "repetitions * 2^k_sim * projected_dim", "at most 2^26",
          whole);
  require(params.final_dim <= (std::size_t{1} << 24U), "final_dim", "at most 2^24",
          params.final_dim);
  require(static_cast<int>(params.projection) <= 1, "projection", "a known projection",
          static_cast<std::size_t>(params.projection));
  return config;
}

/// params: checked.
std::size_t values_of(const FdeParams& params) {
  if (params.final_dim != 0) return params.final_dim;
  return params.repetitions * (std::size_t{1} << params.k_sim) * params.projected_dim;
}

/// Vectors that statistics are taken of.
constexpr std::size_t most_sampled = 200'000;

}  // namespace

class FdeEncoder::Impl {
 public:
  explicit Impl(const FdeConfig& config)
      : config_(checked(config)), cells_(config_), mean_(config.dim, 0.0F) {}

  [[nodiscard]] const FdeConfig& config() const { return config_; }
  [[nodiscard]] std::span<const float> mean() const { return mean_; }
  void set_mean(std::span<const float> mean);
  [[nodiscard]] std::size_t encoded_dim() const { return values_of(config_.params); }

  FdeQuality train(const Batch& documents);
  void encode(const Batch& sets, FdeSide side, std::span<float> out) const;

 private:
  [[nodiscard]] double occupancy(const Batch& vectors, std::size_t step) const;

  FdeConfig config_;
  Cells cells_;
  std::vector<float> mean_;
};

void FdeEncoder::Impl::set_mean(std::span<const float> mean) {
  if (mean.size() != config_.dim)
    throw std::invalid_argument(
        concat("fde: the mean has ", mean.size(), " values, the encoder ", config_.dim, " dims"));
  for (const float value : mean)
    if (!std::isfinite(value)) throw std::invalid_argument("fde: the mean is not finite");
  std::copy(mean.begin(), mean.end(), mean_.begin());
}

FdeQuality FdeEncoder::Impl::train(const Batch& documents) {
  validate_sets(documents, config_.dim, EmptySets::allowed, "fde");
  if (documents.count == 0) throw std::invalid_argument("fde: there are no vectors to learn from");
  const std::size_t step = (documents.count + most_sampled - 1) / most_sampled;
  std::vector<double> sums(config_.dim, 0.0);
  std::vector<double> directions(config_.dim, 0.0);
  double count = 0;
  for (std::size_t i = 0; i < documents.count; i += step) {
    const float* vector = documents.row(i);
    double norm = 0;
    for (std::size_t d = 0; d < config_.dim; ++d)
      norm += static_cast<double>(vector[d]) * static_cast<double>(vector[d]);
    const double factor = norm > 0 ? 1 / std::sqrt(norm) : 0;
    for (std::size_t d = 0; d < config_.dim; ++d) {
      sums[d] += static_cast<double>(vector[d]);
      directions[d] += factor * static_cast<double>(vector[d]);
    }
    ++count;
  }
  FdeQuality quality;
  for (std::size_t d = 0; d < config_.dim; ++d) {
    mean_[d] = static_cast<float>(sums[d] / count);
    // The mean cosine of pairs is the squared length of the mean direction.
    quality.mean_cosine += directions[d] / count * directions[d] / count;
  }
  quality.occupancy = occupancy(documents, step);
  return quality;
}

double FdeEncoder::Impl::occupancy(const Batch& vectors, std::size_t step) const {
  const FdeParams& params = config_.params;
  if (params.k_sim == 0) return 1;
  Batch sample = vectors;
  sample.count = (vectors.count + step - 1) / step;
  sample.stride = step * (vectors.stride == 0 ? vectors.dim : vectors.stride);
  constexpr std::size_t most = 20'000;
  sample.count = std::min(sample.count, most);
  FdeWorker worker(config_.params, cells_, mean_);
  worker.hash(sample, 0, sample.count);
  double entropy = 0;
  std::vector<double> shares(cells_.count());
  for (std::uint32_t r = 0; r < params.repetitions; ++r) {
    std::fill(shares.begin(), shares.end(), 0.0);
    for (std::size_t i = 0; i < sample.count; ++i)
      shares[worker.cell(r, i)] += 1.0 / static_cast<double>(sample.count);
    for (const double share : shares)
      if (share > 0) entropy -= share * std::log2(share) / params.k_sim / params.repetitions;
  }
  return entropy;
}

void FdeEncoder::Impl::encode(const Batch& sets, FdeSide side, std::span<float> out) const {
  validate_sets(sets, config_.dim, EmptySets::allowed, "fde");
  if (out.size() != sets.items() * encoded_dim())
    throw std::invalid_argument(concat("fde: out has ", out.size(), " values; ", sets.items(),
                                       " encodings of ", encoded_dim(), " need ",
                                       sets.items() * encoded_dim()));
  const unsigned threads = resolve_threads(config_.threads);
  std::vector<std::unique_ptr<FdeWorker>> workers(threads);
  parallel_for({.count = sets.items(), .grain = 8, .threads = threads},
               [&](std::size_t begin, std::size_t end, unsigned number) {
                 if (workers[number] == nullptr)
                   workers[number] = std::make_unique<FdeWorker>(config_.params, cells_, mean_);
                 for (std::size_t i = begin; i < end; ++i)
                   workers[number]->encode(sets, sets.begin(i), sets.begin(i + 1), side,
                                           out.subspan(i * encoded_dim(), encoded_dim()));
               });
}

std::size_t encoded_dim(std::size_t dim, const FdeParams& params) {
  return values_of(checked({.dim = dim, .params = params}).params);
}

FdeEncoder::FdeEncoder(const FdeConfig& config) : impl_(std::make_unique<Impl>(config)) {}
FdeEncoder::~FdeEncoder() = default;
FdeEncoder::FdeEncoder(FdeEncoder&&) noexcept = default;
FdeEncoder& FdeEncoder::operator=(FdeEncoder&&) noexcept = default;
const FdeConfig& FdeEncoder::config() const { return impl_->config(); }
std::size_t FdeEncoder::encoded_dim() const { return impl_->encoded_dim(); }
FdeQuality FdeEncoder::train(const Batch& documents) { return impl_->train(documents); }
std::span<const float> FdeEncoder::mean() const { return impl_->mean(); }
void FdeEncoder::set_mean(std::span<const float> mean) { impl_->set_mean(mean); }
void FdeEncoder::encode_documents(const Batch& documents, std::span<float> out) const {
  impl_->encode(documents, FdeSide::documents, out);
}
void FdeEncoder::encode_queries(const Batch& queries, std::span<float> out) const {
  impl_->encode(queries, FdeSide::queries, out);
}

}  // namespace vecinal
