/// The index of sets of vectors: one encoding a set in an index of single vectors, which finds
/// candidates, and the vectors of the sets, which rank them (MUVERA).
///
/// Set i of the tokens is slot i of the inner index, which also keeps ids, removed items, filters
/// and what is visible: tokens are written before it is told of their set.
///
/// Locks: writer_ queues mutating calls. Searches pass gate_ and note the model once.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "core/reader_gate.hpp"
#include "index/sets_mirror.hpp"
#include "index/vector_index.hpp"
#include "multivector/sets.hpp"
#include "multivector/token_rows.hpp"
#include "vecinal/fde.hpp"

namespace vecinal {

/// The config of the index of encodings.
[[nodiscard]] Config encodings_config(const Config& config);

class MultiVectorIndex final : public SavedIndex {
 public:
  explicit MultiVectorIndex(const Config& config);

  /// As VectorIndex::load.
  static std::unique_ptr<MultiVectorIndex> load(const Loading& loading);

  void write_sections(const std::function<void(SectionWriter&)>& use) const override;
  void train(const Batch& sample, const Batch& queries, const Progress& progress) override;
  std::vector<Id> add(const Batch& items, std::span<const Id> ids,
                      const Progress& progress) override;
  void update(std::span<const Id> ids, const Batch& items, const Progress& progress) override;
  void compact(const Progress& progress) override;
  void retrain(const Batch& queries, const Progress& progress) override;
  Fitted fit_queries(const Batch& queries, const FitParams& params) override;
  void refine(const RefineParams& params) override;
  std::size_t remove(std::span<const Id> ids) override;
  Neighbors search(const Batch& queries, const SearchParams& params) const override;
  Neighbors rerank(const Batch& queries, std::span<const Id> candidates,
                   const SearchParams& params) const override;
  void set_defaults(const SearchDefaults& defaults) override;
  SearchDefaults defaults() const override;
  bool keep_tuned(const Tuned& tuned) override;
  std::size_t size() const override { return inner_->size(); }
  bool contains(Id id) const override { return inner_->contains(id); }
  std::vector<Id> ids() const override { return inner_->ids(); }
  std::size_t vectors_of(Id id) const override;
  std::vector<Label> labels_of(Id id) const override { return inner_->labels_of(id); }
  void set_labels(std::span<const Id> ids, const Labels& labels) override {
    inner_->set_labels(ids, labels);
  }
  void get(Id id, std::span<float> out) const override;
  Stats stats() const override;
  const Config& config() const override { return forms_.in(inner_->config().layout); }
  std::vector<std::string> check(const Progress& progress) const override;

 private:
  struct Searcher;

  /// What training decides, and the vectors that were stored with it.
  struct Sets {
    /// trained: with the mean that the tokens are kept about.
    Sets(const Config& config, FdeEncoder trained);
    FdeEncoder encoder;
    TokenRows tokens;
    FdeQuality quality;
  };

  // multi_vector_index.cpp
  void learn(const Batch& sample, const Batch& queries, const Stretch& watch);
  /// Has the inner index learn from their encodings.
  void learn_encodings(const FdeEncoder& encoder, const Batch& sample, const Batch& queries,
                       const Stretch& watch);
  void publish(std::unique_ptr<Sets> sets);
  [[nodiscard]] FdeEncoder make_encoder() const;

  /// What sets that come in must be.
  [[nodiscard]] SetRules set_rules() const {
    return {config_.dim, EmptySets::refused, config_.threads};
  }

  /// Stores sets as those of the inner index's next slots, and calls pass(their encodings).
  using Pass = std::function<void(const ItemSource&)>;
  void store(const Batch& items, const char* call, const Pass& pass);
  void release_outgrown();
  /// Lets the rows of sets be used again whose slots are free.
  void release_free();
  void release_free_if_possible() noexcept;
  [[nodiscard]] Slot slot_of(Id id) const;

  // multi_search.cpp
  void check_queries(const Batch& queries, const SearchParams& params) const;
  [[nodiscard]] Searcher make_searcher(const Batch& queries, const SearchParams& params,
                                       const SearchDefaults& usual, ProgressMeter& meter,
                                       Neighbors& hits) const;
  [[nodiscard]] SearchDefaults settings_of(const SearchParams& params) const;
  [[nodiscard]] std::size_t candidates_of(const SearchParams& params,
                                          const SearchDefaults& usual) const;

  /// What check() finds beside the faults of the encodings.
  void find_faults_of_sets(std::vector<std::string>& faults) const;

  // multi_file.cpp
  void read_sections(const Loading& loading);

  Config config_;  ///< as given: the layout, once chosen, is that of config()
  ConfigForms forms_;
  std::unique_ptr<SetsMirror> mirror_;  ///< null on the CPU
  std::unique_ptr<VectorIndex> inner_;
  std::unique_ptr<Sets> sets_;
  std::atomic<const Sets*> published_{nullptr};  ///< sets_, as searches see it
  bool trained_ = false;
  std::atomic<std::size_t> candidates_{0};
  mutable std::mutex writer_;
  mutable ReaderGate gate_;
};

}  // namespace vecinal
