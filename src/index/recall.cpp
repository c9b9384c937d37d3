// VectorIndex: searches that ask for a recall get the settings that tune() found for it.
#include <stdexcept>
#include <utility>

#include "core/concat.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

void VectorIndex::refuse_candidates(const SearchDefaults& defaults, const char* what) const {
  if (defaults.candidates != 0)
    throw std::invalid_argument(
        concat(what, ": candidates are of the metric \"chamfer\", this index has \"",
               name(config_.metric), "\""));
}

void VectorIndex::set_defaults(const SearchDefaults& defaults) {
  refuse_candidates(defaults, "set_defaults");
  validate(defaults);
  take_defaults(defaults);
}

void VectorIndex::take_defaults(const SearchDefaults& defaults) noexcept {
  beam_.store(defaults.beam, std::memory_order_relaxed);
  rerank_.store(defaults.rerank, std::memory_order_relaxed);
  gamma_.store(defaults.gamma, std::memory_order_relaxed);
}

bool VectorIndex::keep_tuned(const Tuned& tuned) {
  refuse_candidates(tuned.defaults, "keep_tuned");
  return keep_row(tuned);
}

bool VectorIndex::keep_row(const Tuned& tuned) {
  validate(tuned);
  const std::lock_guard writer(writer_);
  if (tuned.revision != revision_) return false;
  publish(std::make_unique<const TunedRows>(with_row(tuned_rows(), tuned)));
  take_defaults(tuned.defaults);
  return true;
}

void VectorIndex::publish(std::unique_ptr<const TunedRows> rows) noexcept {
  seen_tuned_.store(rows.get(), std::memory_order_release);
  tuned_.swap(rows);
  wait_for_readers();  // they may still look at what goes out of scope here
}

void VectorIndex::forget_tuned() noexcept {
  ++revision_;
  if (tuned_ != nullptr) publish(std::unique_ptr<const TunedRows>());
}

SearchDefaults VectorIndex::tuned_for(double recall, std::size_t k) const {
  const ReaderGate::Pass pass(gate_);
  const TunedRows* rows = seen_tuned_.load(std::memory_order_acquire);
  return find_row(rows == nullptr ? std::span<const Tuned>() : *rows, recall, k).defaults;
}

SearchDefaults VectorIndex::settings_of(const SearchParams& params) const {
  const bool asks = asks_for_recall(params);
  // Without a graph, all searches are exact.
  return asks && config_.graph != GraphKind::none ? tuned_for(params.recall, params.k) : defaults();
}

Neighbors VectorIndex::search(const Batch& queries, const SearchParams& params) const {
  check_queries(queries, params);
  return search_with(queries, params, settings_of(params));
}

}  // namespace vecinal
