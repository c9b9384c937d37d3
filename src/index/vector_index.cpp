#include "index/vector_index.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "core/concat.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "graph/builder.hpp"
#include "index/geometry.hpp"
#include "index/train.hpp"

namespace vecinal {
namespace {

constexpr std::size_t max_items =
    (std::size_t{1} << 31U) - 2;  // a pool entry keeps 31 bits of a node

}  // namespace

VectorIndex::VectorIndex(const Config& config) : config_(validated(config)), graph_(config.degree) {
  mirror_ = make_mirror(config_.device);
  publish_untrained();
}

void VectorIndex::publish_untrained() {
  if (!needs_training(config_)) {
    publish(std::make_unique<Rows>(config_, Model(config_.dim)), true);
    return;
  }
  // Rows of the right kind, none in number.
  Model::Parts parts;
  parts.mean.assign(config_.dim, 0.0F);
  parts.walk_dim = config_.dim;
  publish(std::make_unique<Rows>(config_, Model(std::move(parts))), false);
}

void VectorIndex::publish(std::unique_ptr<Rows> rows, bool trained) {
  published_.store(rows.get(), std::memory_order_release);
  std::swap(rows_, rows);
  changes_.fetch_add(1, std::memory_order_release);
  ++rewrites_;
  gate_.synchronize();  // searches may still read what goes out of scope here
  trained_ = trained;
  drift_ = {};
}

void VectorIndex::learn(const Batch& sample, const Batch& queries) {
  publish(std::make_unique<Rows>(
              config_, train_model(config_, sample, queries, resolve_threads(config_.threads))),
          true);
}

void VectorIndex::train(const Batch& sample, const Batch& queries) {
  refuse_sets(sample, "train");
  refuse_sets(queries, "train");
  validate_batch(config_, sample, "train");
  validate_batch(config_, queries, "train: queries");
  if (!needs_training(config_)) return;
  const std::lock_guard writer(writer_);
  if (rows_->size() != 0)
    throw std::invalid_argument(concat("train: the index has ", rows_->size(),
                                       " rows already; retrain() learns from them"));
  learn(sample, queries);
}

void VectorIndex::retrain(const Batch& queries, const Progress& progress) {
  validate_batch(config_, queries, "retrain: queries");
  const std::lock_guard writer(writer_);
  const std::size_t count = rows_->size();
  if (count == 0) throw NotTrained("retrain: the index has no rows to learn from");
  if (!needs_training(config_)) return;
  const unsigned threads = resolve_threads(config_.threads);
  ProgressMeter meter(progress, count);
  const auto decode = [&](std::size_t first, std::size_t step, std::size_t rows) {
    std::vector<float> values(rows * config_.dim);
    for (std::size_t i = 0; i < rows; ++i)
      rows_->decode(static_cast<Slot>(first + i * step), values.data() + i * config_.dim);
    return values;
  };
  constexpr std::size_t most = 50'000;
  const std::size_t sampled = std::min(count, most);
  const std::vector<float> sample = decode(0, count / sampled, sampled);
  auto rows = std::make_unique<Rows>(
      config_, train_model(config_, {sample.data(), sampled, config_.dim}, queries, threads));
  rows->resize(count);
  constexpr std::size_t chunk = 4096;
  float magnitude = 0;
  for (std::size_t first = 0; first < count; first += chunk) {
    const std::size_t size = std::min(chunk, count - first);
    const std::vector<float> values = decode(first, 1, size);
    const EncodeSummary encoded = rows->encode({values.data(), size, config_.dim}, first, threads);
    magnitude = std::max(magnitude, encoded.magnitude);
    meter.update(first + size);
  }
  if (rows->fused() != nullptr) {
    std::vector<Slot> nodes(count);
    std::iota(nodes.begin(), nodes.end(), Slot{0});
    rows->fused()->refresh(rows->walked(), graph_, nodes, threads);
  }
  // Larger bounds hold for smaller rows too, so a search beside this may see either.
  max_norm_.store(std::max(max_norm_.load(), magnitude * 1.001F));
  publish(std::move(rows), true);
  if (progress) progress(count, count);
}

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

void VectorIndex::encode_rows(const ItemSource& items, std::size_t first, ProgressMeter& meter,
                              EncodeSummary& encoded) {
  const unsigned threads = resolve_threads(config_.threads);
  for (std::size_t done = 0; done < items.count; done += items.chunk) {
    const Batch made = items.make(done, std::min(items.chunk, items.count - done));
    encoded += rows_->encode(made, first + done, threads, done);
    meter.update(0);
  }
}

std::vector<Id> VectorIndex::add_from(const ItemSource& items, std::span<const Id> ids,
                                      const Progress& progress) {
  const std::lock_guard writer(writer_);
  std::vector<Id> chosen = choose_ids(items.count, ids);
  validate_labels(items.labels, items.count, "add");
  if (items.count == 0) return chosen;
  check_memory(config_, bytes_with(items.count));
  const std::size_t first = rows_->size();
  if (items.count > max_items - first)
    throw std::length_error(
        concat("add: an index holds at most ", max_items, " items, removed ones included"));
  const bool was_trained = trained_;
  const std::size_t label_sets = labels_.sets();
  ProgressMeter meter(progress, items.count);
  try {
    {
      const std::unique_lock lock(ids_lock_);
      ids_.prepare(chosen, [&](Slot slot) { return live_.contains(slot); });
    }
    if (!trained_) {
      const Batch sample = items.make(0, std::min(items.chunk, items.count));
      validate_batch(config_, sample, "add");
      learn(sample, {});
    }
    rows_->resize(first + items.count);
    live_.resize(first + items.count);
    labels_.append(first, items.count, items.labels);
    EncodeSummary encoded;
    encode_rows(items, first, meter, encoded);
    link_rows(first, meter);
    commit(first, chosen, encoded);
  } catch (...) {
    drop_rows(first, label_sets);
    if (!was_trained) publish_untrained();
    throw;
  }
  release_outgrown();
  if (progress) progress(items.count, items.count);
  return chosen;
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
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return ids[a] < ids[b] || (ids[a] == ids[b] && a < b);
  });
  for (std::size_t i = 1; i < count; ++i)
    if (ids[order[i]] == ids[order[i - 1]])
      throw std::invalid_argument(concat("add: id ", ids[order[i]], " is given to row ",
                                         order[i - 1], " and to row ", order[i]));
  return chosen;
}

void VectorIndex::link_rows(std::size_t first, ProgressMeter& meter) {
  if (config_.graph == GraphKind::none) return;
  const InsertionPlan plan =
      plan_insertion(rows_->walked(), first, config_, resolve_threads(config_.threads));
  BuildParams params = build_params();
  const std::unique_ptr<BuildDevice> device = build_device(params, plan.order.size());
  params.device = device.get();
  Builder builder(graph_, rows_->walked(), params);
  const bool was_ready = fused_ready_.exchange(false);
  try {
    builder.insert(plan.order, [&](std::size_t done) { meter.update(done); });
  } catch (...) {
    fused_ready_.store(was_ready);
    throw;
  }
  for (const auto& [node, slot] : plan.twins) graph_.add_twin(node, slot);
  if (rows_->fused() == nullptr) return;
  try {
    // Tails that were left half written, by an add that failed here, are all made anew.
    fuse(was_ready ? builder.changed() : std::vector<Slot>(), was_ready ? first : 0);
  } catch (...) {
    builder.roll_back();  // the tails no longer go with the links, so searches do without them
    throw;
  }
}

void VectorIndex::fuse(std::vector<Slot> nodes, std::size_t first) {
  gate_.synchronize();  // searches that began before may read what is written here
  for (std::size_t slot = first; slot < rows_->size(); ++slot)
    nodes.push_back(static_cast<Slot>(slot));
  rows_->fused()->refresh(rows_->walked(), graph_, nodes, resolve_threads(config_.threads));
  fused_ready_.store(true, std::memory_order_release);
}

void VectorIndex::commit(std::size_t first, std::span<const Id> ids, const EncodeSummary& encoded) {
  const std::unique_lock lock(ids_lock_);
  ids_.append(ids);
  // f16 rounding can lengthen a row by 2^-11 of itself.
  max_norm_.store(std::max(max_norm_.load(), encoded.magnitude * 1.001F));
  drift_.squared_error += encoded.squared_error;
  drift_.squared_norm += encoded.squared_norm;
  drift_.values += encoded.values;
  drift_.clipped += encoded.clipped;
  for (std::size_t i = 0; i < ids.size(); ++i) live_.set(static_cast<Slot>(first + i), true);
  visible_.store(first + ids.size(), std::memory_order_release);
  live_count_.fetch_add(ids.size(), std::memory_order_acq_rel);
  changes_.fetch_add(1, std::memory_order_release);
}

void VectorIndex::drop_rows(std::size_t count, std::size_t label_sets) {
  labels_.truncate(count, label_sets);
  // A search may have noted rows that are going to be written again.
  gate_.synchronize();
  if (mirror_) mirror_->forget_from(count);
  rows_->resize(count);
  live_.resize(count);
}

void VectorIndex::release_outgrown() {
  if (!rows_->has_retired() && !graph_.parents().has_retired() && !ids_.ids().has_retired() &&
      !labels_.has_retired())
    return;
  gate_.synchronize();
  rows_->release_retired();
  live_.words().release_retired();
  ids_.ids().release_retired();
  labels_.release_retired();
  graph_.release_retired();
}

std::optional<Slot> VectorIndex::find_live(Id id) const {
  const std::optional<Slot> slot = ids_.find(id);
  return slot && live_.contains(*slot) ? slot : std::nullopt;
}

std::size_t VectorIndex::remove(std::span<const Id> ids) {
  const std::lock_guard writer(writer_);
  const std::unique_lock lock(ids_lock_);
  std::size_t removed = 0;
  for (const Id id : ids) {
    const std::optional<Slot> slot = find_live(id);
    if (!slot) continue;
    live_.set(*slot, false);
    ids_.forget(id);
    ++removed;
  }
  live_count_.fetch_sub(removed, std::memory_order_acq_rel);
  return removed;
}

void VectorIndex::set_defaults(const SearchDefaults& defaults) {
  if (defaults.candidates != 0)
    throw std::invalid_argument(
        concat("set_defaults: candidates are of the metric \"chamfer\", this index has \"",
               name(config_.metric), "\""));
  validate(defaults);
  beam_.store(defaults.beam, std::memory_order_relaxed);
  rerank_.store(defaults.rerank, std::memory_order_relaxed);
  gamma_.store(defaults.gamma, std::memory_order_relaxed);
}

void VectorIndex::forget_training() {
  const std::lock_guard writer(writer_);
  if (rows_->size() == 0) publish_untrained();
}

std::vector<Slot> VectorIndex::slots_of(std::span<const Id> ids) const {
  std::vector<Slot> slots;
  slots.reserve(ids.size());
  const std::shared_lock lock(ids_lock_);
  for (const Id id : ids)
    if (const std::optional<Slot> slot = find_live(id)) slots.push_back(*slot);
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  return slots;
}

bool VectorIndex::contains(Id id) const {
  const std::shared_lock lock(ids_lock_);
  return find_live(id).has_value();
}

std::vector<Id> VectorIndex::ids() const {
  const std::shared_lock lock(ids_lock_);
  std::vector<Id> found;
  found.reserve(size());
  for (std::size_t slot = 0; slot < ids_.slots(); ++slot)
    if (live_.contains(static_cast<Slot>(slot))) found.push_back(ids_.ids()[slot]);
  return found;
}

std::size_t VectorIndex::vectors_of(Id id) const {
  if (!contains(id)) throw std::out_of_range(concat("id ", id, " is not in the index"));
  return 1;
}

void VectorIndex::get(Id id, std::span<float> out) const {
  if (out.size() != config_.dim)
    throw std::invalid_argument(
        concat("get: out has ", out.size(), " values, the index has ", config_.dim, " dims"));
  const ReaderGate::Pass pass(gate_);
  const std::shared_lock lock(ids_lock_);
  const std::optional<Slot> slot = find_live(id);
  if (!slot) throw std::out_of_range(concat("get: id ", id, " is not in the index"));
  published_.load(std::memory_order_acquire)->decode(*slot, out.data());
}

Stats VectorIndex::stats() const {
  const std::lock_guard writer(writer_);
  Stats stats;
  stats.size = size();
  stats.removed = rows_->size() - stats.size;
  stats.duplicates = graph_.twin_count();
  stats.levels = graph_.levels();
  stats.mean_degree = graph_.mean_degree();
  stats.trained = trained_;
  stats.reduced_dim = rows_->model().walk_dim();
  if (trained_ && rows_->walked().codec().is_code()) {
    stats.quantizer = quantizer_of(rows_->model());
    stats.trained_error = rows_->model().trained_error();
    if (drift_.squared_norm > 0) stats.added_error = drift_.squared_error / drift_.squared_norm;
    if (drift_.values > 0)
      stats.clipped = static_cast<double>(drift_.clipped) / static_cast<double>(drift_.values);
  }
  stats.bytes_rows = rows_->walked().bytes();
  stats.bytes_secondary = rows_->two() ? rows_->ranking().bytes() : 0;
  stats.bytes_graph = graph_.bytes() + (rows_->fused() != nullptr ? rows_->fused()->bytes() : 0);
  stats.bytes_ids = ids_.bytes() + live_.words().bytes() + labels_.bytes();
  if (mirror_) stats.bytes_device = mirror_->bytes();
  stats.bytes = stats.bytes_rows + stats.bytes_secondary + stats.bytes_graph + stats.bytes_ids;
  return stats;
}

}  // namespace vecinal
