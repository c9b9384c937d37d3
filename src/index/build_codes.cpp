#include "index/build_codes.hpp"

#include <algorithm>
#include <vector>

#include "core/parallel.hpp"
#include "index/train.hpp"

namespace vecinal {
namespace {

/// Fewer rows stay in the caches.
constexpr std::size_t least_rows = 10'000;
/// Codes are made of all rows, so that as large a part of them as this must be new.
constexpr std::size_t least_share = 16;
/// Of shorter rows, other costs of a walk are the greater ones.
constexpr std::size_t least_dim = 64;

/// Rows that are copied at a time, 8 MiB of them; of as many the mean is known well enough.
std::size_t chunk_of(std::size_t dim) {
  return std::clamp<std::size_t>((std::size_t{1} << 21U) / dim, 64, 4096);
}

/// Rows as a batch of vectors, one after the other.
class RowBatch {
 public:
  explicit RowBatch(const Storage& rows)
      : rows_(rows), row_(rows.padded_dim()), values_(chunk_of(rows.dim()) * rows.dim()) {}

  /// At most chunk_of(dim) slots; valid until the next call.
  Batch of(std::span<const Slot> slots) {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      rows_.decode(slots[i], row_.data(), nullptr);
      std::copy_n(row_.data(), rows_.dim(), values_.data() + i * rows_.dim());
    }
    return {.data = values_.data(), .count = slots.size(), .dim = rows_.dim()};
  }

 private:
  const Storage& rows_;
  AlignedFloats row_;
  AlignedFloats values_;
};

}  // namespace

std::size_t build_code_bytes(const Rows& rows, std::size_t items, std::size_t all) {
  const Storage& walked = rows.walked();
  if (walked.format().type != kernels::RowType::f32 || !rows.model().identity()) return 0;
  if (walked.dim() < least_dim || all < least_rows || items < all / least_share) return 0;
  return all * Storage({.type = kernels::RowType::lvq8, .dim = walked.dim()}).stride();
}

std::unique_ptr<const Rows> build_codes(const Config& config, const Rows& rows,
                                        std::span<const Slot> slots) {
  Config coded = config;
  coded.encoding = Encoding::lvq8;
  const unsigned threads = resolve_threads(config.threads);
  RowBatch batch(rows.walked());
  const std::size_t chunk = chunk_of(rows.walked().dim());
  std::vector<Slot> sample;
  const std::size_t count = std::min(chunk, slots.size());
  for (std::size_t i = 0; i < count; ++i) sample.push_back(slots[i * slots.size() / count]);
  auto codes = std::make_unique<Rows>(coded, train_model(coded, batch.of(sample), {}, threads));
  codes->resize(rows.size());
  for (std::size_t done = 0; done < slots.size(); done += chunk) {
    const auto part = slots.subspan(done, std::min(chunk, slots.size() - done));
    codes->encode(batch.of(part), part, threads);
  }
  return codes;
}

}  // namespace vecinal
