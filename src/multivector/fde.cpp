// FdeEncoder: MUVERA section 2 and its algorithm, with the final projection folded in.
#include "vecinal/fde.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <vector>

#include "core/block_sums.hpp"
#include "core/concat.hpp"
#include "core/dot.hpp"
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
  [[nodiscard]] SetRules rules() const {
    return {config_.dim, EmptySets::allowed, config_.threads};
  }

  /// Sets the mean; returns the mean cosine of the vectors.
  [[nodiscard]] double learn_mean(const Batch& sample);
  [[nodiscard]] double occupancy(Batch sample) const;

  /// The cells of each vector, in every repetition.
  [[nodiscard]] std::vector<std::uint16_t> cells_of(const Batch& vectors) const;

  /// Calls body(begin, end, worker) for ranges of the loop, whose threads are set here.
  template <class Body>
  void for_workers(Loop loop, const Body& body) const;

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
  validate_sets(documents, rules(), "fde");
  if (documents.count == 0) throw std::invalid_argument("fde: there are no vectors to learn from");
  const std::size_t step = (documents.count + most_sampled - 1) / most_sampled;
  Batch sample = documents;
  sample.count = (documents.count + step - 1) / step;
  sample.stride = step * (documents.stride == 0 ? documents.dim : documents.stride);
  FdeQuality quality;
  quality.mean_cosine = learn_mean(sample);
  quality.occupancy = occupancy(sample);
  return quality;
}

double FdeEncoder::Impl::learn_mean(const Batch& sample) {
  const std::size_t dim = config_.dim;
  // Of vectors, then of their directions.
  const std::vector<double> sums = block_sums(
      sample.count, 2 * dim, resolve_threads(config_.threads), [&](std::size_t i, double* to) {
        const float* vector = sample.row(i);
        const double norm = dot(vector, vector, dim);
        const double factor = norm > 0 ? 1 / std::sqrt(norm) : 0;
        for (std::size_t d = 0; d < dim; ++d) {
          const auto value = static_cast<double>(vector[d]);
          to[d] += value;
          to[dim + d] += factor * value;
        }
      });
  const auto count = static_cast<double>(sample.count);
  // The mean cosine of pairs is the squared length of the mean direction.
  double mean_cosine = 0;
  for (std::size_t d = 0; d < dim; ++d) {
    mean_[d] = static_cast<float>(sums[d] / count);
    const double direction = sums[dim + d] / count;
    mean_cosine += direction * direction;
  }
  return mean_cosine;
}

double FdeEncoder::Impl::occupancy(Batch sample) const {
  const FdeParams& params = config_.params;
  if (params.k_sim == 0) return 1;
  constexpr std::size_t most = 20'000;
  sample.count = std::min(sample.count, most);
  const std::vector<std::uint16_t> cells = cells_of(sample);
  double entropy = 0;
  std::vector<double> shares(cells_.count());
  for (std::uint32_t r = 0; r < params.repetitions; ++r) {
    std::fill(shares.begin(), shares.end(), 0.0);
    for (std::size_t i = 0; i < sample.count; ++i)
      shares[cells[i * params.repetitions + r]] += 1.0 / static_cast<double>(sample.count);
    for (const double share : shares)
      if (share > 0) entropy -= share * std::log2(share) / params.k_sim / params.repetitions;
  }
  return entropy;
}

std::vector<std::uint16_t> FdeEncoder::Impl::cells_of(const Batch& vectors) const {
  const std::uint32_t repetitions = config_.params.repetitions;
  std::vector<std::uint16_t> cells(vectors.count * repetitions);
  for_workers({.count = vectors.count, .grain = 256},
              [&](std::size_t begin, std::size_t end, FdeWorker& worker) {
                worker.hash(vectors, begin, end, cells.data() + begin * repetitions);
              });
  return cells;
}

template <class Body>
void FdeEncoder::Impl::for_workers(Loop loop, const Body& body) const {
  loop.threads = resolve_threads(config_.threads);
  std::vector<std::unique_ptr<FdeWorker>> workers(loop.threads);
  parallel_for(loop, [&](std::size_t begin, std::size_t end, unsigned number) {
    if (workers[number] == nullptr)
      workers[number] = std::make_unique<FdeWorker>(config_.params, cells_, mean_);
    body(begin, end, *workers[number]);
  });
}

void FdeEncoder::Impl::encode(const Batch& sets, FdeSide side, std::span<float> out) const {
  validate_layout(sets, rules(), "fde");
  validate_room(out.size(), sets, encoded_dim());
  // Vectors are looked at while they are in cache for their encoding, and closely only where that
  // says nothing for sure: to pass over all of them first takes a twentieth of the time.
  std::atomic<bool> sound = true;
  for_workers({.count = sets.items(), .grain = 8},
              [&](std::size_t begin, std::size_t end, FdeWorker& worker) {
                for (std::size_t i = begin; i < end; ++i)
                  if (!worker.encode(sets, sets.begin(i), sets.begin(i + 1), side,
                                     out.subspan(i * encoded_dim(), encoded_dim())))
                    sound = false;
              });
  if (!sound) validate_sets(sets, rules(), "fde");
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
