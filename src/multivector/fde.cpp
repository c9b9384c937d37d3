// FdeEncoder: MUVERA section 2 and its algorithm, with the final projection folded in.
#include "vecinal/fde.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "core/concat.hpp"
#include "core/parallel.hpp"
#include "kernels/rows.hpp"
#include "multivector/cells.hpp"

namespace vecinal {
namespace {

void require(bool holds, const char* field, const char* rule, std::size_t value) {
  if (!holds)
    throw std::invalid_argument(concat("fde: ", field, " must be ", rule, ", got ", value));
}

FdeConfig checked(FdeConfig config) {
  constexpr std::size_t usual = 8;
  if (config.projected_dim == 0) config.projected_dim = std::min(usual, config.dim);
  require(config.dim >= 1 && config.dim <= 65536, "dim", "1 to 65,536", config.dim);
  require(config.k_sim <= 10, "k_sim", "0 to 10", config.k_sim);
  require(config.projected_dim >= 1 && config.projected_dim <= config.dim, "projected_dim",
          "1 to dim", config.projected_dim);
  require(config.repetitions >= 1 && config.repetitions <= 1000, "repetitions", "1 to 1,000",
          config.repetitions);
  require(config.threads <= 4096, "threads", "at most 4,096", config.threads);
  const std::size_t whole =
      config.repetitions * (std::size_t{1} << config.k_sim) * config.projected_dim;
  require(whole <= (std::size_t{1} << 26U), "repetitions * 2^k_sim * projected_dim", "at most 2^26",
          whole);
  require(config.final_dim <= (std::size_t{1} << 24U), "final_dim", "at most 2^24",
          config.final_dim);
  return config;
}

void check_sets(const FdeConfig& config, const SetBatch& sets) {
  if (sets.offsets.empty()) throw std::invalid_argument("fde: there are no offsets");
  if (sets.vectors.count != 0 && sets.vectors.dim != config.dim)
    throw std::invalid_argument(
        concat("fde: vectors have ", sets.vectors.dim, " dims, the encoder has ", config.dim));
  for (std::size_t i = 0; i + 1 < sets.offsets.size(); ++i)
    if (sets.offsets[i] > sets.offsets[i + 1])
      throw std::invalid_argument(concat("fde: offset ", i + 1, " is below the one before"));
  if (sets.offsets.front() != 0 || sets.offsets.back() != sets.vectors.count)
    throw std::invalid_argument(concat("fde: offsets must go from 0 to ", sets.vectors.count,
                                       ", the number of vectors; they go from ",
                                       sets.offsets.front(), " to ", sets.offsets.back()));
  for (std::size_t i = 0; i < sets.vectors.count; ++i)
    for (std::size_t d = 0; d < config.dim; ++d)
      if (!std::isfinite(sets.vectors.row(i)[d]))
        throw std::invalid_argument(concat("fde: vector ", i, " has a value that is not finite"));
}

}  // namespace

class FdeEncoder::Impl {
 public:
  explicit Impl(const FdeConfig& config)
      : config_(checked(config)), cells_(config_), mean_(config.dim, 0.0F) {}

  [[nodiscard]] const FdeConfig& config() const { return config_; }
  [[nodiscard]] std::span<const float> mean() const { return mean_; }
  [[nodiscard]] std::size_t whole_dim() const {
    return config_.repetitions * cells_.count() * config_.projected_dim;
  }
  [[nodiscard]] std::size_t encoded_dim() const {
    return config_.final_dim != 0 ? config_.final_dim : whole_dim();
  }

  FdeQuality train(const SetBatch& documents);
  void encode(const SetBatch& sets, bool queries, std::span<float> out) const;

 private:
  class Worker;

  FdeConfig config_;
  Cells cells_;
  std::vector<float> mean_;
};

/// One thread's scratch, and the encoding of one set.
class FdeEncoder::Impl::Worker {
 public:
  explicit Worker(const Impl& impl)
      : impl_(impl),
        stride_(kernels::padded(impl.config_.dim)),
        block_(impl.cells_.count() * impl.config_.projected_dim),
        sizes_(impl.cells_.count()) {}

  void encode(const Batch& vectors, std::size_t begin, std::size_t end, bool queries, float* to) {
    hash(vectors, begin, end);
    for (std::uint32_t r = 0; r < impl_.config_.repetitions; ++r) {
      gather(r, vectors, begin, queries);
      if (!queries) {
        average();
        if (impl_.config_.fill_empty) fill(r);
      }
      put(r, to);
    }
  }

  /// Cells of the vectors in a repetition.
  [[nodiscard]] std::uint32_t cell(std::uint32_t repetition, std::size_t i) const {
    if (impl_.config_.k_sim == 0) return 0;
    return impl_.cells_.cell(products_.data() + i * impl_.cells_.planes().rows() +
                             repetition * impl_.config_.k_sim);
  }

  /// Products of the centred vectors with all planes.
  void hash(const Batch& vectors, std::size_t begin, std::size_t end) {
    count_ = end - begin;
    if (centred_size_ < count_) {
      centred_ = AlignedFloats(count_ * stride_);
      centred_size_ = count_;
    }
    for (std::size_t i = 0; i < count_; ++i)
      for (std::size_t d = 0; d < impl_.config_.dim; ++d)
        centred_.data()[i * stride_ + d] = vectors.row(begin + i)[d] - impl_.mean_[d];
    const Matrix& planes = impl_.cells_.planes();
    if (planes.empty()) return;
    products_.resize(count_ * planes.rows());
    multiply(planes, {centred_.data(), count_, stride_}, products_.data(), planes.rows());
  }

 private:
  void gather(std::uint32_t r, const Batch& vectors, std::size_t begin, bool queries) {
    std::fill(block_.begin(), block_.end(), 0.0F);
    std::fill(sizes_.begin(), sizes_.end(), 0U);
    for (std::size_t i = 0; i < count_; ++i) {
      const std::uint32_t at = cell(r, i);
      ++sizes_[at];
      // Documents are compared about their mean; queries as they are.
      const float* vector = queries ? vectors.row(begin + i) : centred_.data() + i * stride_;
      impl_.cells_.add_projected(r, vector, block_.data() + at * impl_.config_.projected_dim);
    }
  }

  void average() {
    const std::size_t width = impl_.config_.projected_dim;
    for (std::size_t at = 0; at < sizes_.size(); ++at)
      for (std::size_t p = 0; p < width && sizes_[at] > 1; ++p)
        block_[at * width + p] /= static_cast<float>(sizes_[at]);
  }

  /// Empty cells take the vector whose own cell differs in the fewest planes, the first of equals.
  void fill(std::uint32_t r) {
    if (count_ == 0 || impl_.config_.k_sim == 0) return;
    for (std::uint32_t at = 0; at < sizes_.size(); ++at) {
      if (sizes_[at] != 0) continue;
      std::size_t nearest = 0;
      int least = 64;
      for (std::size_t i = 0; i < count_; ++i) {
        const int distance = std::popcount(cell(r, i) ^ at);
        if (distance >= least) continue;
        least = distance;
        nearest = i;
      }
      impl_.cells_.add_projected(r, centred_.data() + nearest * stride_,
                                 block_.data() + at * impl_.config_.projected_dim);
    }
  }

  /// The block at its place, or folded into the final sketch.
  void put(std::uint32_t r, float* to) const {
    const std::vector<Place>& places = impl_.cells_.final_places();
    if (places.empty()) {
      std::copy(block_.begin(), block_.end(), to + r * block_.size());
      return;
    }
    const Place* own = places.data() + r * block_.size();
    for (std::size_t i = 0; i < block_.size(); ++i) to[own[i].at] += own[i].sign * block_[i];
  }

  const Impl& impl_;
  std::size_t stride_;
  std::size_t count_ = 0;
  std::size_t centred_size_ = 0;
  AlignedFloats centred_;
  std::vector<float> products_;
  std::vector<float> block_;
  std::vector<std::uint32_t> sizes_;
};

FdeQuality FdeEncoder::Impl::train(const SetBatch& documents) {
  check_sets(config_, documents);
  const Batch& vectors = documents.vectors;
  if (vectors.count == 0) throw std::invalid_argument("fde: there are no vectors to learn from");
  std::vector<double> sums(config_.dim, 0.0);
  std::vector<double> directions(config_.dim, 0.0);
  for (std::size_t i = 0; i < vectors.count; ++i) {
    double norm = 0;
    for (std::size_t d = 0; d < config_.dim; ++d)
      norm += static_cast<double>(vectors.row(i)[d]) * static_cast<double>(vectors.row(i)[d]);
    for (std::size_t d = 0; d < config_.dim; ++d) {
      sums[d] += static_cast<double>(vectors.row(i)[d]);
      if (norm > 0) directions[d] += static_cast<double>(vectors.row(i)[d]) / std::sqrt(norm);
    }
  }
  const auto count = static_cast<double>(vectors.count);
  FdeQuality quality;
  for (std::size_t d = 0; d < config_.dim; ++d) {
    mean_[d] = static_cast<float>(sums[d] / count);
    // The mean cosine of pairs is the squared length of the mean direction.
    quality.mean_cosine += directions[d] / count * directions[d] / count;
  }
  if (config_.k_sim == 0) return quality;
  constexpr std::size_t most = 20'000;
  const std::size_t sampled = std::min(vectors.count, most);
  Worker worker(*this);
  worker.hash(vectors, 0, sampled);
  std::vector<double> shares(cells_.count());
  for (std::uint32_t r = 0; r < config_.repetitions; ++r) {
    std::fill(shares.begin(), shares.end(), 0.0);
    for (std::size_t i = 0; i < sampled; ++i)
      shares[worker.cell(r, i)] += 1.0 / static_cast<double>(sampled);
    for (const double share : shares)
      if (share > 0)
        quality.occupancy -= share * std::log2(share) / config_.k_sim / config_.repetitions;
  }
  return quality;
}

void FdeEncoder::Impl::encode(const SetBatch& sets, bool queries, std::span<float> out) const {
  check_sets(config_, sets);
  if (out.size() != sets.count() * encoded_dim())
    throw std::invalid_argument(concat("fde: out has ", out.size(), " values; ", sets.count(),
                                       " encodings of ", encoded_dim(), " need ",
                                       sets.count() * encoded_dim()));
  std::fill(out.begin(), out.end(), 0.0F);
  const unsigned threads = resolve_threads(config_.threads);
  std::vector<std::unique_ptr<Worker>> workers(threads);
  parallel_for({.count = sets.count(), .grain = 8, .threads = threads},
               [&](std::size_t begin, std::size_t end, unsigned number) {
                 if (workers[number] == nullptr) workers[number] = std::make_unique<Worker>(*this);
                 for (std::size_t i = begin; i < end; ++i)
                   workers[number]->encode(sets.vectors, sets.offsets[i], sets.offsets[i + 1],
                                           queries, out.data() + i * encoded_dim());
               });
}

FdeEncoder::FdeEncoder(const FdeConfig& config) : impl_(std::make_unique<Impl>(config)) {}
FdeEncoder::~FdeEncoder() = default;
FdeEncoder::FdeEncoder(FdeEncoder&&) noexcept = default;
FdeEncoder& FdeEncoder::operator=(FdeEncoder&&) noexcept = default;
const FdeConfig& FdeEncoder::config() const { return impl_->config(); }
std::size_t FdeEncoder::encoded_dim() const { return impl_->encoded_dim(); }
std::span<const float> FdeEncoder::mean() const { return impl_->mean(); }
FdeQuality FdeEncoder::train(const SetBatch& documents) { return impl_->train(documents); }
void FdeEncoder::encode_documents(const SetBatch& documents, std::span<float> out) const {
  impl_->encode(documents, false, out);
}
void FdeEncoder::encode_queries(const SetBatch& queries, std::span<float> out) const {
  impl_->encode(queries, true, out);
}

}  // namespace vecinal
