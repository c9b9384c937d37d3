// Feeds load_index: whatever the bytes, it throws FormatError or gives a sound index that answers a
// search. The mutator repairs checksums, or only the checksums would be tested.
#include <algorithm>
#include <array>
#include <cstring>

#include "support/file_surgery.hpp"
#include "vecinal/index.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  if (size < 64) {
    const std::size_t dim = 1 + seed % 5;
    // Every encoding, with and without each reduction, of vectors and of sets of them.
    const bool sets = seed / 140 % 2 != 0;
    const auto encoding = static_cast<vecinal::Encoding>(seed / 5 % 7);
    constexpr std::array token_encodings{vecinal::Encoding::f32, vecinal::Encoding::f16,
                                         vecinal::Encoding::lvq8, vecinal::Encoding::lvq8x8};
    const bool floats = encoding == vecinal::Encoding::f32 || encoding == vecinal::Encoding::f16;
    const bool fused = !sets && !floats && seed % 3 == 0;
    const auto index = vecinal::make_index(
        {.dim = dim,
         .metric = sets ? vecinal::Metric::chamfer : vecinal::Metric::inner_product,
         .encoding = encoding,
         .reduction = static_cast<vecinal::Reduction>(seed / 35 % 4),
         .fde = {.k_sim = 1, .repetitions = 2},
         .tokens = token_encodings[seed / 280 % token_encodings.size()],
         .layout = fused ? vecinal::Layout::fused : vecinal::Layout::split,
         .degree = fused ? 32U : 4U,
         .build_beam = 8,
         .threads = 1});
    std::vector<float> rows(dim * (1 + seed % 20));
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i] = static_cast<float>((i * 7 + seed) % 11) + 1.0F;
    const std::size_t count = rows.size() / dim;
    const std::vector<std::size_t> halves = {0, (count + 1) / 2, count};
    vecinal::Batch items{.data = rows.data(), .count = count, .dim = dim};
    if (sets && count > 1) items.offsets = halves;
    std::vector<std::int64_t> labels(items.items());
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i % 3);
    if (seed % 2 == 0) items.labels = {labels, {}};
    index->train(items, items);
    index->add(items);
    if (seed % 4 < 2)
      index->keep_tuned({.target = .5,
                         .k = 3,
                         .defaults = {.beam = 8, .candidates = sets ? 5U : 0U},
                         .recall = 1,
                         .checked_recall = 1,
                         .checked_high = 1,
                         .items = 1});
    const auto bytes = index->to_bytes();
    if (bytes.size() > max_size) return size;
    std::memcpy(data, bytes.data(), bytes.size());
    return bytes.size();
  }
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) vecinal::test::repair_checksums(std::as_writable_bytes(std::span(data, size)));
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto index = vecinal::load_index(std::as_bytes(std::span(data, size)), {.threads = 1});
    const std::size_t dim = index->config().dim;
    const std::vector<float> query(dim, 0.5F);
    (void)index->search({.data = query.data(), .count = 1, .dim = dim}, {.k = 3});
    (void)index->search({.data = query.data(), .count = 1, .dim = dim}, {.k = 3, .exact = true});
    (void)index->search({.data = query.data(), .count = 1, .dim = dim},
                        {.k = 3, .filter = vecinal::Filter::label(1)});
    for (const vecinal::Tuned& tuned : index->stats().tuned) {
      constexpr std::size_t most = 100;  // the answer has room for k items, whatever there are
      if (tuned.k > most && tuned.defaults.gamma != 0) continue;  // it serves its own k alone
      (void)index->search({.data = query.data(), .count = 1, .dim = dim},
                          {.k = std::min(tuned.k, most), .recall = tuned.target});
    }
  } catch (const vecinal::FormatError&) {
  }
  return 0;
}
