// Adding to a VectorIndex: slots are found, their rows written and linked, and the items made
// visible at once.
#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "core/check_room.hpp"
#include "core/concat.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "graph/builder.hpp"
#include "index/train.hpp"
#include "index/vector_index.hpp"

namespace vecinal {
namespace {

constexpr std::size_t max_items =
    (std::size_t{1} << 31U) - 2;  // a pool entry keeps 31 bits of a node

/// Refuses an id that is given to two items.
void refuse_repeated(std::span<const Id> ids, const char* what) {
  if (std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end()) return;
  std::vector<std::size_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return ids[a] < ids[b] || (ids[a] == ids[b] && a < b);
  });
  for (std::size_t i = 1; i < ids.size(); ++i)
    if (ids[order[i]] == ids[order[i - 1]])
      throw std::invalid_argument(concat(what, ": id ", ids[order[i]], " is given to row ",
                                         order[i - 1], " and to row ", order[i]));
}

}  // namespace

std::vector<Id> VectorIndex::add(const Batch& items, std::span<const Id> ids,
                                 const Progress& progress) {
  refuse_sets(items, "add");
  if (items.count != 0 && items.dim != config_.dim)
    throw std::invalid_argument(
        concat("add: items have ", items.dim, " dims, the index has ", config_.dim));
  const auto all = [&](std::size_t, std::size_t) { return items; };
  return add_from({.count = items.count, .chunk = items.count, .make = all, .labels = items.labels},
                  ids, progress);
}

std::vector<Id> VectorIndex::add_from(const ItemSource& items, std::span<const Id> ids,
                                      const Progress& progress) {
  const std::lock_guard writer(writer_);
  std::vector<Id> chosen = choose_ids(items.count, ids);
  validate_labels(items.labels, items.count, "add");
  insert({items, chosen, {}}, progress);
  return chosen;
}

void VectorIndex::update(std::span<const Id> ids, const Batch& items, const Progress& progress) {
  refuse_sets(items, "update");
  if (items.count != 0 && items.dim != config_.dim)
    throw std::invalid_argument(
        concat("update: items have ", items.dim, " dims, the index has ", config_.dim));
  const auto all = [&](std::size_t, std::size_t) { return items; };
  update_from({.count = items.count,
               .chunk = items.count,
               .make = all,
               .labels = items.labels,
               .call = "update"},
              ids, progress);
}

void VectorIndex::update_from(const ItemSource& items, std::span<const Id> ids,
                              const Progress& progress) {
  const std::lock_guard writer(writer_);
  if (ids.size() != items.count)
    throw std::invalid_argument(concat("update: ", items.count, " items but ", ids.size(), " ids"));
  std::vector<Slot> replaced;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::optional<Slot> slot = find_live(ids[i]);
    if (!slot)
      throw std::invalid_argument(
          concat("update: id ", ids[i], " of row ", i, " is not in the index"));
    replaced.push_back(*slot);
  }
  refuse_repeated(ids, "update");
  validate_labels(items.labels, items.count, "update");
  insert({items, ids, std::move(replaced)}, progress);
}

std::vector<Slot> VectorIndex::next_slots(std::size_t count, const char* call) const {
  const std::size_t reused = std::min(count, free_.size());
  check_room(rows_->size(), count - reused, max_items, call, "items, removed ones included");
  std::vector<Slot> slots(free_.rbegin(), free_.rbegin() + static_cast<std::ptrdiff_t>(reused));
  slots.resize(count);
  std::iota(slots.begin() + static_cast<std::ptrdiff_t>(reused), slots.end(),
            static_cast<Slot>(rows_->size()));
  return slots;
}

void VectorIndex::insert(const Insertion& insertion, const Progress& progress) {
  const ItemSource& items = insertion.items;
  if (items.count == 0) return;
  check_memory(config_, bytes_with(items.count), items.call);
  const std::vector<Slot> slots = next_slots(items.count, items.call);
  const std::size_t first = rows_->size();
  const bool was_trained = trained_;
  std::unique_ptr<Rows> untrained;
  const std::size_t label_sets = labels_.sets();
  ProgressMeter meter(progress, items.count);
  try {
    auto population = std::make_unique<Population>(*population_);
    population->resize(std::max<std::size_t>(first, slots.back() + std::size_t{1}));
    population->remove(insertion.replaced);
    population->add(slots);
    keep_nodes(insertion.replaced, *population);
    {
      const std::unique_lock lock(ids_lock_);
      ids_.prepare(slots, insertion.ids, [&](Slot slot) { return population_->contains(slot); });
    }
    if (!trained_) {
      const Batch sample = items.make(0, std::min(items.chunk, items.count));
      validate_batch(config_, sample, items.call);
      if (config().layout == Layout::automatic) settle(choose_layout(config_, items.count));
      untrained = learn(sample, {}, Stretch(meter).part(0, 0));
    }
    if (slots.front() < first) ++rewrites_;
    rows_->resize(population->slots);
    label(insertion, slots, population->slots);
    const EncodeSummary encoded = encode_rows(items, slots, meter);
    const std::vector<ChangedRow> relinked = link_rows(slots, first, meter);
    commit(insertion.ids, slots, relinked, std::move(population), encoded);
  } catch (...) {
    drop_rows(slots, first, label_sets);
    if (untrained) publish(std::move(untrained), false);
    if (!was_trained) unsettle();
    throw;
  }
  forget_outdated();
  if (!insertion.replaced.empty()) reclaim();
  release_outgrown();
  meter.finish();
}

EncodeSummary VectorIndex::encode_rows(const ItemSource& items, std::span<const Slot> slots,
                                       ProgressMeter& meter) {
  const unsigned threads = resolve_threads(config_.threads);
  EncodeSummary encoded;
  for (std::size_t done = 0; done < items.count; done += items.chunk) {
    const Batch made = items.make(done, std::min(items.chunk, items.count - done));
    encoded += rows_->encode(made, slots.subspan(done, made.count), threads,
                             {.call = items.call, .first = done});
    meter.update(0);
  }
  return encoded;
}

std::vector<Id> VectorIndex::choose_ids(std::size_t count, std::span<const Id> ids) const {
  std::vector<Id> chosen(count);
  if (ids.empty()) {
    if (static_cast<std::uint64_t>(IdMap::max_id - ids_.next_id()) < count)
      throw std::invalid_argument("add: no ids are left after the largest one used; give ids");
    std::iota(chosen.begin(), chosen.end(), ids_.next_id());
    return chosen;
  }
  if (ids.size() != count)
    throw std::invalid_argument(concat("add: ", count, " items but ", ids.size(), " ids"));
  chosen.assign(ids.begin(), ids.end());
  for (std::size_t i = 0; i < count; ++i) {
    if (ids[i] < 0)
      throw std::invalid_argument(concat("add: id ", ids[i], " of row ", i, " is negative"));
    if (find_live(ids[i]))
      throw std::invalid_argument(concat("add: id ", ids[i], " of row ", i, " is in the index"));
  }
  refuse_repeated(ids, "add");
  return chosen;
}

std::vector<ChangedRow> VectorIndex::link_rows(std::span<const Slot> slots, std::size_t first,
                                               ProgressMeter& meter) {
  if (config_.graph == GraphKind::none) return {};
  BuildParams params = build_params();
  const InsertionPlan plan = plan_insertion(rows_->walked(), slots, config_, params.threads);
  const std::unique_ptr<BuildDevice> device = build_device(params, plan.order.size());
  params.device = device.get();
  const std::unique_ptr<const Rows> codes = device == nullptr ? walk_codes(slots, first) : nullptr;
  if (codes != nullptr) params.codes = &codes->walked();
  Builder builder(graph_, rows_->walked(), params);
  builder.insert(plan.order, [&](std::size_t done) { meter.update(done); });
  try {
    for (const auto& [node, slot] : plan.twins) builder.add_twin(node, slot);
    std::vector<ChangedRow> changed;
    if (mirror_ != nullptr || rows_->fused() != nullptr) changed = builder.changed();
    if (rows_->fused() != nullptr) fuse(changed, slots, first);
    return changed;
  } catch (...) {
    builder.roll_back();  // where tails were written they no longer go with the links, and are not
                          // ready: searches do without them
    throw;
  }
}

std::vector<ChangedRow> VectorIndex::nodes_with(std::span<const Slot> slots,
                                                std::size_t first) const {
  std::vector<ChangedRow> nodes;
  for (const Slot slot : used_slots())
    if (slot < first) nodes.emplace_back(slot);
  for (const Slot slot : slots)
    if (slot < first) nodes.emplace_back(slot);
  return nodes;
}

void VectorIndex::fuse(std::vector<ChangedRow> changed, std::span<const Slot> inserted,
                       std::size_t first) {
  // Until here searches read tails that do not go with all links any more. Estimates of links that
  // are new mislead a walk a little; what it returns has its own score.
  if (!fused_ready_.exchange(false)) {
    changed = nodes_with(inserted, first);
    delta_.add_everything();
  }
  wait_for_readers();  // those that began before may read what is written here
  for (std::size_t slot = first; slot < rows_->size(); ++slot)
    changed.push_back({static_cast<Slot>(slot), 0});
  write_tails(changed);
}

void VectorIndex::write_tails(std::span<const ChangedRow> changed) const {
  rows_->fused()->refresh(rows_->walked(), graph_, changed, resolve_threads(config_.threads));
  fused_ready_.store(true, std::memory_order_release);
}

void VectorIndex::commit(std::span<const Id> ids, std::span<const Slot> slots,
                         std::span<const ChangedRow> relinked,
                         std::unique_ptr<const Population> population,
                         const EncodeSummary& encoded) noexcept {
  const std::unique_lock lock(ids_lock_);
  ids_.assign(slots, ids);
  free_.resize(free_.size() - std::min(slots.size(), free_.size()));
  // f16 rounding can lengthen a row by 2^-11 of itself.
  max_norm_.store(std::max(max_norm_.load(), encoded.magnitude * 1.001F));
  drift_.squared_error += encoded.squared_error;
  drift_.squared_norm += encoded.squared_norm;
  drift_.values += encoded.values;
  drift_.clipped += encoded.clipped;
  note_change(slots, relinked);
  publish(std::move(population));
}

void VectorIndex::label(const Insertion& insertion, std::span<const Slot> slots,
                        std::size_t count) {
  labels_.assign(slots, insertion.items.labels, count);
  // Other vectors, but the labels there were.
  if (insertion.items.labels.values.empty() && insertion.items.labels.offsets.empty())
    for (std::size_t i = 0; i < insertion.replaced.size(); ++i)
      labels_.copy(insertion.replaced[i], slots[i], count);
}

void VectorIndex::drop_rows(std::span<const Slot> slots, std::size_t count,
                            std::size_t label_sets) {
  for (const Slot slot : slots) labels_.clear(slot);
  labels_.truncate(count, label_sets);
  // A search may have noted rows that are going to be written again.
  wait_for_readers();
  if (mirror_) mirror_->forget_from(count);
  for (const Slot slot : slots)
    if (slot < std::min(count, rows_->size())) rows_->clear(slot);
  rows_->resize(count);
  graph_.clear_free();
}

void VectorIndex::release_outgrown() {
  if (!rows_->has_retired() && !graph_.parents().has_retired() && !ids_.ids().has_retired() &&
      !labels_.has_retired())
    return;
  wait_for_readers();
  rows_->release_retired();
  ids_.ids().release_retired();
  labels_.release_retired();
  graph_.release_retired();
}

}  // namespace vecinal
