#include "index/vector_index.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/concat.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "index/train.hpp"

namespace vecinal {
VectorIndex::VectorIndex(const Config& config)
    : config_(validated(config)),
      forms_(config_),
      first_choice_(choose_layout(config_, std::nullopt)),
      layout_(first_choice_.layout),
      graph_(config.degree),
      population_(std::make_unique<Population>()),
      seen_(population_.get()) {
  outdated_.reserve(outdated_room);
  mirror_ = make_mirror(config_.device);
  publish(untrained_rows(), !needs_training(config_));
}

std::unique_ptr<Rows> VectorIndex::untrained_rows() const {
  return vecinal::untrained_rows(forms_.in(first_choice_.layout));
}

void VectorIndex::settle(LayoutChoice choice) {
  settled_ = std::move(choice);
  layout_.store(settled_->layout, std::memory_order_release);
}

void VectorIndex::unsettle() noexcept {
  settled_.reset();
  layout_.store(first_choice_.layout, std::memory_order_release);
}

std::unique_ptr<Rows> VectorIndex::publish(std::unique_ptr<Rows> rows, bool trained) noexcept {
  published_.store(rows.get(), std::memory_order_release);
  std::swap(rows_, rows);
  note_change(Change::rows);
  wait_for_readers();  // they may still read what the caller gets
  trained_ = trained;
  drift_ = {};
  return rows;
}

void VectorIndex::publish(std::unique_ptr<const Population> population) noexcept {
  seen_.store(population.get(), std::memory_order_release);
  live_count_.store(population->count, std::memory_order_release);
  population_.swap(population);
  outdated_.push_back(std::move(population));
}

void VectorIndex::forget_outdated() noexcept {
  constexpr std::size_t most = 4;
  static_assert(most < outdated_room);
  if (outdated_.size() > most) wait_for_readers();
}

void VectorIndex::wait_for_readers() noexcept {
  gate_.synchronize();
  outdated_.clear();
}

std::unique_ptr<Rows> VectorIndex::learn(const Batch& sample, const Batch& queries,
                                         const Stretch& watch) {
  Model model = train_model(config(), sample, queries, resolve_threads(config_.threads), watch);
  return publish(std::make_unique<Rows>(config(), std::move(model)), true);
}

void VectorIndex::train(const Batch& sample, const Batch& queries, const Progress& progress) {
  ProgressMeter meter(progress, sample.count);
  train_watched(sample, queries, Stretch(meter));
  meter.finish();
}

void VectorIndex::train_watched(const Batch& sample, const Batch& queries, const Stretch& watch) {
  refuse_sets(sample, "train");
  refuse_sets(queries, "train");
  validate_batch(config_, sample, "train");
  validate_batch(config_, queries, "train: queries");
  if (!needs_training(config_)) return;
  const std::lock_guard writer(writer_);
  if (rows_->size() != 0)
    throw std::invalid_argument(concat("train: the index has ", rows_->size(),
                                       " rows already; retrain() learns from them"));
  const bool open = config().layout == Layout::automatic;
  if (open)
    settle({Layout::split, "split: there is a memory_limit, and train() came before the items"});
  try {
    learn(sample, queries, watch);
  } catch (...) {
    if (open) unsettle();
    throw;
  }
}

void VectorIndex::retrain(const Batch& queries, const Progress& progress) {
  validate_batch(config_, queries, "retrain: queries");
  const std::lock_guard writer(writer_);
  const std::vector<Slot> slots = used_slots();
  if (slots.empty()) throw NotTrained("retrain: the index has no rows to learn from");
  if (!needs_training(config_)) return;
  const unsigned threads = resolve_threads(config_.threads);
  ProgressMeter meter(progress, slots.size());
  const auto decode = [&](std::size_t first, std::size_t step, std::size_t rows) {
    std::vector<float> values(rows * config_.dim);
    for (std::size_t i = 0; i < rows; ++i)
      rows_->decode(slots[first + i * step], values.data() + i * config_.dim);
    return values;
  };
  constexpr std::size_t most = 50'000;
  const std::size_t sampled = std::min(slots.size(), most);
  const std::vector<float> sample = decode(0, slots.size() / sampled, sampled);
  auto rows =
      std::make_unique<Rows>(config(), train_model(config(), {sample.data(), sampled, config_.dim},
                                                   queries, threads, Stretch(meter).part(0, 0)));
  rows->resize(rows_->size());
  constexpr std::size_t chunk = 4096;
  float magnitude = 0;
  for (std::size_t first = 0; first < slots.size(); first += chunk) {
    const std::size_t size = std::min(chunk, slots.size() - first);
    const std::vector<float> values = decode(first, 1, size);
    const EncodeSummary encoded = rows->encode({values.data(), size, config_.dim},
                                               std::span(slots).subspan(first, size), threads);
    magnitude = std::max(magnitude, encoded.magnitude);
    meter.update(first + size);
  }
  if (rows->fused() != nullptr) {
    const std::vector<ChangedRow> all(slots.begin(), slots.end());
    rows->fused()->refresh(rows->walked(), graph_, all, threads);
  }
  // Larger bounds hold for smaller rows too, so a search beside this may see either.
  max_norm_.store(std::max(max_norm_.load(), magnitude * 1.001F));
  publish(std::move(rows), true);
  forget_tuned();
  meter.finish();
}

std::vector<Slot> VectorIndex::used_slots() const {
  std::vector<bool> free(rows_->size(), false);
  for (const Slot slot : free_) free[slot] = true;
  std::vector<Slot> slots;
  slots.reserve(free.size() - free_.size());
  for (Slot slot = 0; slot < free.size(); ++slot)
    if (!free[slot]) slots.push_back(slot);
  return slots;
}

void VectorIndex::forget_training(std::unique_ptr<Rows> untrained) noexcept {
  const std::lock_guard writer(writer_);
  if (rows_->size() != 0) return;
  publish(std::move(untrained), !needs_training(config_));
  unsettle();
}

}  // namespace vecinal
