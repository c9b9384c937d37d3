#include "index/multi_vector_index.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/aligned_array.hpp"
#include "core/concat.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "index/train.hpp"
#include "multivector/pooling.hpp"
#include "multivector/sets.hpp"

namespace vecinal {
namespace {

/// Floats of encodings held at a time while items are added, and while the inner index learns.
constexpr std::size_t add_floats = std::size_t{1} << 23U;
constexpr std::size_t train_floats = std::size_t{1} << 26U;

/// Sets as they are kept: pooled, in `pooled`, if the config says so.
Batch keep(const Config& config, const Batch& sets, OwnedSets& pooled) {
  if (config.pooling == 1) return sets;
  pooled = pool_sets(sets, config.pooling, resolve_threads(config.threads));
  return pooled.batch();
}

/// Encodings of sets, in memory of their own.
class Encodings {
 public:
  /// mirror: encodes, on its device; or null.
  Encodings(const FdeEncoder& encoder, SetsMirror* mirror) : encoder_(encoder), mirror_(mirror) {}

  Batch documents(const Batch& sets) {
    const std::span<float> to = room(sets.items());
    encode_documents(encoder_, mirror_, sets, to);
    return batch(to, sets.items());
  }

  Batch queries(const Batch& sets) {
    const std::span<float> to = room(sets.items());
    encode_queries(encoder_, mirror_, sets, to);
    return batch(to, sets.items());
  }

 private:
  std::span<float> room(std::size_t sets) {
    const std::size_t values = sets * encoder_.encoded_dim();
    if (mirror_ != nullptr) return mirror_->pinned(pinned_, values);
    if (values > room_) values_ = AlignedFloats::unset(values);
    room_ = std::max(room_, values);
    return {values_.data(), values};
  }

  [[nodiscard]] Batch batch(std::span<const float> encodings, std::size_t count) const {
    return {.data = encodings.data(), .count = count, .dim = encoder_.encoded_dim()};
  }

  const FdeEncoder& encoder_;
  SetsMirror* mirror_;
  PinnedArray<float> pinned_;  ///< where a device encodes
  AlignedFloats values_;       ///< where the host does
  std::size_t room_ = 0;       ///< values that there is memory for
};

void warn_of(const FdeQuality& quality, const Config& config) {
  constexpr double poor = 0.6;
  if (!config.warn || quality.occupancy >= poor) return;
  config.warn(
      concat("the vectors of the items are told apart badly by hyperplanes: the entropy of "
             "the cells is ",
             quality.occupancy, " of the greatest (mean cosine of vectors ", quality.mean_cosine,
             "); expect to need many candidates"));
}

}  // namespace

MultiVectorIndex::Sets::Sets(const Config& config, FdeEncoder trained)
    : encoder(std::move(trained)), tokens(config.dim, config.tokens, encoder.mean()) {}

MultiVectorIndex::MultiVectorIndex(const Config& config)
    : config_(validated(config)),
      forms_(config_),
      mirror_(make_sets_mirror(config.device)),
      inner_(std::make_unique<VectorIndex>(encodings_config(config))) {
  publish(std::make_unique<Sets>(config_, make_encoder()));
}

FdeEncoder MultiVectorIndex::make_encoder() const {
  return FdeEncoder({.dim = config_.dim,
                     .params = config_.fde,
                     .seed = config_.seed,
                     .threads = config_.threads});
}

void MultiVectorIndex::publish(std::unique_ptr<Sets> sets) {
  published_.store(sets.get(), std::memory_order_release);
  std::swap(sets_, sets);
  gate_.synchronize();  // searches may still read what goes out of scope here
  if (mirror_) mirror_->forget();
}

void MultiVectorIndex::learn(const Batch& sample, const Batch& queries, const Stretch& watch) {
  watch.update(0, 1);
  FdeEncoder encoder = make_encoder();
  const FdeQuality quality = encoder.train(sample);
  watch.update(1, 4);
  warn_of(quality, config_);
  auto sets = std::make_unique<Sets>(config_, std::move(encoder));
  sets->quality = quality;
  if (needs_training(inner_->config())) {
    try {
      learn_encodings(sets->encoder, sample, queries, watch);
    } catch (...) {
      if (mirror_) mirror_->forget();  // the tables of an encoder that ends here
      throw;
    }
  }
  publish(std::move(sets));  // from here on nothing can fail
  trained_ = true;
}

void MultiVectorIndex::learn_encodings(const FdeEncoder& encoder, const Batch& sample,
                                       const Batch& queries, const Stretch& watch) {
  const std::size_t most =
      std::min(sample_limit(inner_->config()),
               std::max<std::size_t>(train_floats / encoder.encoded_dim(), 256));
  OwnedSets learned;
  OwnedSets asked;
  Encodings documents(encoder, mirror_.get());
  Encodings wanted(encoder, mirror_.get());
  const Batch encoded = documents.documents(sample_sets(sample, most, learned));
  watch.update(2, 4);
  inner_->train_watched(
      encoded, queries.items() == 0 ? Batch{} : wanted.queries(sample_sets(queries, most, asked)),
      watch.part(.5, 1));
}

void MultiVectorIndex::train(const Batch& sample, const Batch& queries, const Progress& progress) {
  validate_sets(sample, set_rules(), "train");
  validate_sets(queries, set_rules(), "train: queries");
  const std::lock_guard writer(writer_);
  if (sets_->tokens.sets() != 0)
    throw std::invalid_argument(concat("train: the index has ", sets_->tokens.sets(),
                                       " sets already; retrain() learns from them"));
  if (sample.items() == 0) throw std::invalid_argument("train: there are no vectors to learn from");
  ProgressMeter meter(progress, sample.items());
  OwnedSets pooled;
  learn(keep(config_, sample, pooled), queries, Stretch(meter));
  meter.finish();
}

void MultiVectorIndex::retrain(const Batch& queries, const Progress& progress) {
  validate_sets(queries, set_rules(), "retrain: queries");
  const std::lock_guard writer(writer_);
  Encodings wanted(sets_->encoder, mirror_.get());
  inner_->retrain(queries.items() == 0 ? Batch{} : wanted.queries(queries), progress);
}

Fitted MultiVectorIndex::fit_queries(const Batch& queries, const FitParams& params) {
  validate_sets(queries, set_rules(), "fit_queries");
  const std::lock_guard writer(writer_);
  Encodings asked(sets_->encoder, mirror_.get());
  return inner_->fit_queries(asked.queries(queries), params);
}

void MultiVectorIndex::refine(const RefineParams& params) {
  const std::lock_guard writer(writer_);
  inner_->refine(params);
}

std::vector<Id> MultiVectorIndex::add(const Batch& items, std::span<const Id> ids,
                                      const Progress& progress) {
  validate_sets(items, set_rules(), "add");
  const std::lock_guard writer(writer_);
  std::vector<Id> chosen;
  store(items, "add",
        [&](const ItemSource& source) { chosen = inner_->add_from(source, ids, progress); });
  return chosen;
}

void MultiVectorIndex::update(std::span<const Id> ids, const Batch& items,
                              const Progress& progress) {
  validate_sets(items, set_rules(), "update");
  const std::lock_guard writer(writer_);
  store(items, "update",
        [&](const ItemSource& source) { inner_->update_from(source, ids, progress); });
  release_free_if_possible();
}

void MultiVectorIndex::store(const Batch& items, const char* call, const Pass& pass) {
  // What it takes to forget what is learned here.
  std::unique_ptr<Rows> untrained_inner;
  std::unique_ptr<Sets> untrained;
  if (!trained_) {
    untrained_inner = inner_->untrained_rows();
    untrained = std::make_unique<Sets>(config_, make_encoder());
  }
  OwnedSets pooled;
  const Batch kept = keep(config_, items, pooled);
  check_memory(config_,
               inner_->bytes_with(items.items()) +
                   sets_->tokens.bytes_of_row() * (sets_->tokens.size() + kept.count),
               call);
  release_free();
  const std::vector<Slot> slots = inner_->next_slots(items.items(), call);
  TokenRows::Mark before = sets_->tokens.mark();
  try {
    if (!trained_ && items.items() != 0) learn(kept, {}, {});
    sets_->tokens.assign(slots, kept, resolve_threads(config_.threads), call);
    // Copies of rows that were free before are of what was there before.
    if (mirror_ && sets_->tokens.size() - before.rows < kept.count) mirror_->forget();
    Encodings encodings(sets_->encoder, mirror_.get());
    std::vector<std::size_t> offsets;
    pass({.count = items.items(),
          .chunk = std::max<std::size_t>(add_floats / sets_->encoder.encoded_dim(), 16),
          .make =
              [&](std::size_t first, std::size_t count) {
                return encodings.documents(slice(kept, first, count, offsets));
              },
          .labels = items.labels,
          .call = call});
  } catch (...) {
    sets_->tokens.take_back(std::move(before), slots);
    if (untrained && trained_) {
      inner_->forget_training(std::move(untrained_inner));
      publish(std::move(untrained));
      trained_ = false;
    }
    throw;
  }
  release_outgrown();
}

void MultiVectorIndex::compact(const Progress& progress) {
  const std::lock_guard writer(writer_);
  const auto inner_writer = inner_->lock_writer();
  ProgressMeter meter(progress, inner_->size());
  const Stretch told(meter);
  const auto encodings = inner_->compacted(told.part(0, 0.5));
  TokenRows tokens(config_.dim, config_.tokens, sets_->tokens.mean());
  tokens.copy(sets_->tokens, encodings->slots, told.part(0.5, 1));
  // Both at once: the vectors of a set are found by the slot of its encoding.
  gate_.alone([&] {
    inner_->adopt(*encodings);
    sets_->tokens.swap(tokens);
    if (mirror_) mirror_->forget();
  });
  meter.finish();
}

std::size_t MultiVectorIndex::remove(std::span<const Id> ids) {
  const std::lock_guard writer(writer_);
  const std::size_t removed = inner_->remove(ids);
  release_free_if_possible();
  return removed;
}

void MultiVectorIndex::release_free_if_possible() noexcept {
  try {
    release_free();
  } catch (const std::bad_alloc&) {
    // The next call does it.
  }
}

void MultiVectorIndex::release_free() {
  TokenRows& tokens = sets_->tokens;
  std::vector<Slot> numbers(inner_->free_slots().begin(), inner_->free_slots().end());
  std::erase_if(numbers, [&](Slot number) { return tokens.extent(number).empty(); });
  if (numbers.empty()) return;
  gate_.synchronize();  // searches may still rank these sets
  tokens.release(numbers);
}

void MultiVectorIndex::release_outgrown() {
  if (!sets_->tokens.has_retired()) return;
  gate_.synchronize();
  sets_->tokens.release_retired();
}

void MultiVectorIndex::set_defaults(const SearchDefaults& defaults) {
  validate(defaults);
  inner_->set_defaults({.beam = defaults.beam, .rerank = defaults.rerank});
  candidates_.store(defaults.candidates, std::memory_order_relaxed);
}

bool MultiVectorIndex::keep_tuned(const Tuned& tuned) {
  if (!inner_->keep_row(tuned)) return false;
  candidates_.store(tuned.defaults.candidates, std::memory_order_relaxed);
  return true;
}

SearchDefaults MultiVectorIndex::defaults() const {
  SearchDefaults defaults = inner_->defaults();
  defaults.candidates = candidates_.load(std::memory_order_relaxed);
  return defaults;
}

Slot MultiVectorIndex::slot_of(Id id) const {
  const std::vector<Slot> slots = inner_->slots_of({&id, 1});
  if (slots.empty()) throw std::out_of_range(concat("id ", id, " is not in the index"));
  return slots.front();
}

std::size_t MultiVectorIndex::vectors_of(Id id) const {
  const ReaderGate::Pass pass(gate_);
  return published_.load(std::memory_order_acquire)->tokens.extent(slot_of(id)).size();
}

void MultiVectorIndex::get(Id id, std::span<float> out) const {
  const ReaderGate::Pass pass(gate_);
  const TokenRows& tokens = published_.load(std::memory_order_acquire)->tokens;
  const Slot slot = slot_of(id);
  const auto [begin, end] = tokens.extent(slot);
  if (out.size() != (end - begin) * config_.dim)
    throw std::invalid_argument(concat("get: out has ", out.size(), " values, item ", id, " has ",
                                       end - begin, " vectors of ", config_.dim, " dims"));
  tokens.decode(slot, out);
}

Stats MultiVectorIndex::stats() const {
  const std::lock_guard writer(writer_);
  Stats stats = inner_->stats();
  stats.trained = trained_;
  stats.vectors = sets_->tokens.size();
  stats.mean_cosine = sets_->quality.mean_cosine;
  stats.occupancy = sets_->quality.occupancy;
  stats.bytes_tokens = sets_->tokens.bytes();
  stats.bytes += stats.bytes_tokens;
  if (mirror_) stats.bytes_device += mirror_->bytes();
  return stats;
}

std::vector<std::string> MultiVectorIndex::check(const Progress& progress) const {
  const std::lock_guard writer(writer_);
  ProgressMeter meter(progress, inner_->slots());
  std::vector<std::string> faults = inner_->faults(Stretch(meter));
  find_faults_of_sets(faults);
  meter.finish();
  return faults;
}

void MultiVectorIndex::find_faults_of_sets(std::vector<std::string>& faults) const {
  const TokenRows& tokens = sets_->tokens;
  if (tokens.sets() != inner_->slots())
    faults.push_back(
        concat("extents: ", tokens.sets(), " sets for ", inner_->slots(), " encodings"));
  for (const Slot slot : inner_->allowed_slots({}))
    if (faults.empty() && tokens.extent(slot).empty())
      faults.push_back(concat("extents: set ", slot, " is empty"));
}

}  // namespace vecinal
