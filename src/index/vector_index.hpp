/// The index of single vectors: rows, graph, ids and what lives, joined behind the public
/// interface.
///
/// Locks: writer_ queues mutating calls. ids_lock_ guards the id map and population_, for
/// contains(), get() and ids(). Searches take neither: they pass gate_, note the views once, and
/// see the slots of the population they noted.
///
/// Slots: an item that is removed leaves the population at once. Its row serves as a step of the
/// graph until there are enough of them for a repair, after which nothing leads to it; when the
/// searches that may still look at it have left, its slot is free for items to come.
#pragma once

#include <atomic>
#include <mutex>
#include <shared_mutex>

#include "backend/device_build.hpp"
#include "core/id_map.hpp"
#include "core/reader_gate.hpp"
#include "graph/graph.hpp"
#include "graph/walk.hpp"
#include "index/allowed.hpp"
#include "index/label_column.hpp"
#include "index/layout_choice.hpp"
#include "index/mirror.hpp"
#include "index/population.hpp"
#include "index/rows.hpp"
#include "index/saved_index.hpp"
#include "index/tuned_rows.hpp"

namespace vecinal {

class Fitter;
class ProgressMeter;
class Refiner;
class Stretch;
struct BuildParams;
struct ConfigSection;
struct Loading;
class SectionWriter;

/// The config, once validate() has passed it.
[[nodiscard]] Config validated(const Config& config);

/// Throws MemoryLimit, which begins with the call, if an index of the config may not hold so many
/// bytes.
void check_memory(const Config& config, std::size_t bytes, const char* call);

/// Items that are made while they are added, so that not all of them need be held.
struct ItemSource {
  std::size_t count = 0;
  std::size_t chunk = 0;  ///< most items asked for at a time
  std::function<Batch(std::size_t first, std::size_t count)> make;  ///< valid until the next call
  Labels labels = {};                                               ///< of all
  const char* call = "add";                                         ///< in messages
};

class VectorIndex final : public SavedIndex {
 public:
  explicit VectorIndex(const Config& config);

  /// Reads the sections of a file. others: sections that are not this index's. Throws FormatError.
  static std::unique_ptr<VectorIndex> load(const Loading& loading, std::size_t others = 0);

  /// As add(); the items get next_slots().
  std::vector<Id> add_from(const ItemSource& items, std::span<const Id> ids,
                           const Progress& progress);

  /// Bytes that the index will hold with so many more items: an estimate, as levels are drawn.
  [[nodiscard]] std::size_t bytes_with(std::size_t items) const;

  /// As update(); the new rows get next_slots().
  void update_from(const ItemSource& items, std::span<const Id> ids, const Progress& progress);

  /// The slots that the next items get, free ones first; ascending. While no call changes it.
  [[nodiscard]] std::vector<Slot> next_slots(std::size_t count, const char* call) const;

  /// Slots that wait for new items, descending. While no call changes it.
  [[nodiscard]] std::span<const Slot> free_slots() const { return free_; }

  /// Slots, whether they hold items or not. While no call changes it.
  [[nodiscard]] std::size_t slots() const { return rows_->size(); }

  /// Mutating calls wait as long as this is held.
  [[nodiscard]] std::unique_lock<std::mutex> lock_writer() { return std::unique_lock(writer_); }

  /// The index in slots that follow each other, and what these were. With lock_writer().
  struct Copy;
  [[nodiscard]] std::unique_ptr<Copy> compacted(const Stretch& told);

  /// The copy takes the place of what there is; waits until no search runs. With lock_writer().
  void adopt(Copy& copy);

  /// What forget_training() needs.
  [[nodiscard]] std::unique_ptr<Rows> untrained_rows() const;

  /// As train(), watched by whoever calls it.
  void train_watched(const Batch& sample, const Batch& queries, const Stretch& watch);

  /// What check() finds. While no call changes the index.
  [[nodiscard]] std::vector<std::string> faults(const Stretch& watch) const;

  /// As search(), where `usual` says what the params leave open.
  [[nodiscard]] Neighbors search_with(const Batch& queries, const SearchParams& params,
                                      const SearchDefaults& usual) const;

  /// What tune() found for a recall. Throws std::invalid_argument if it found nothing.
  [[nodiscard]] SearchDefaults tuned_for(double recall, std::size_t k) const;

  /// As keep_tuned(), of sets too.
  bool keep_row(const Tuned& tuned);

  /// Undoes train() of an index without rows.
  void forget_training(std::unique_ptr<Rows> untrained) noexcept;

  /// The slots of the ids that the index holds, in ascending order.
  [[nodiscard]] std::vector<Slot> slots_of(std::span<const Id> ids) const;
  [[nodiscard]] Id id_of(Slot slot) const { return ids_.ids().data()[slot]; }

  /// The slots that a search may return, in ascending order.
  [[nodiscard]] std::vector<Slot> allowed_slots(const Filter& filter) const;

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
  SearchDefaults defaults() const override {
    return {beam_.load(std::memory_order_relaxed), rerank_.load(std::memory_order_relaxed), 0,
            gamma_.load(std::memory_order_relaxed)};
  }
  bool keep_tuned(const Tuned& tuned) override;
  std::size_t size() const override { return live_count_.load(std::memory_order_acquire); }
  bool contains(Id id) const override;
  std::vector<Id> ids() const override;
  std::size_t vectors_of(Id id) const override;
  std::vector<Label> labels_of(Id id) const override;
  void set_labels(std::span<const Id> ids, const Labels& labels) override;
  void get(Id id, std::span<float> out) const override;
  Stats stats() const override;
  const Config& config() const override {
    return forms_.in(layout_.load(std::memory_order_acquire));
  }
  std::vector<std::string> check(const Progress& progress) const override;

 private:
  friend class DeviceSearch;
  struct Searcher;

  /// Items on their way into the index.
  struct Insertion {
    const ItemSource& items;
    std::span<const Id> ids;
    std::vector<Slot> replaced;  ///< by those of the ids; they then hold no items any more
  };

  // vector_index.cpp
  void settle(LayoutChoice choice);
  /// What the layout was chosen for did not come to be.
  void unsettle() noexcept;
  /// Both return what there was before, which no search looks at any more.
  std::unique_ptr<Rows> learn(const Batch& sample, const Batch& queries, const Stretch& watch);
  std::unique_ptr<Rows> publish(std::unique_ptr<Rows> rows, bool trained) noexcept;
  void publish(std::unique_ptr<const Population> population) noexcept;
  /// After publish(), and not while ids_lock_ is held: readers that are waited for may want it.
  void forget_outdated() noexcept;

  /// What a change does to what searches could see before it.
  enum class Change : std::uint8_t { links, rows };
  /// Before the change is published.
  void note_change(Change change) noexcept {
    if (change == Change::rows) ++rewrites_;
    delta_.add_everything();
    changes_.fetch_add(1, std::memory_order_release);
  }
  /// A change of links, and of the rows of slots, that is CopyDelta::add() of these.
  void note_change(std::span<const Slot> slots, std::span<const ChangedRow> nodes) noexcept {
    if (mirror_ != nullptr) delta_.add(slots, nodes, rows_->size());
    changes_.fetch_add(1, std::memory_order_release);
  }
  /// Returns when the searches that run now have ended.
  void wait_for_readers() noexcept;
  [[nodiscard]] std::vector<Slot> used_slots() const;  ///< those that are not free

  // recall.cpp
  void take_defaults(const SearchDefaults& defaults) noexcept;
  void refuse_candidates(const SearchDefaults& defaults, const char* what) const;
  void publish(std::unique_ptr<const TunedRows> rows) noexcept;
  /// What a beam finds is no longer what it was.
  void forget_tuned() noexcept;
  [[nodiscard]] std::span<const Tuned> tuned_rows() const {
    return tuned_ == nullptr ? std::span<const Tuned>() : *tuned_;
  }
  [[nodiscard]] SearchDefaults settings_of(const SearchParams& params) const;

  // insertion.cpp
  [[nodiscard]] std::vector<Id> choose_ids(std::size_t count, std::span<const Id> ids) const;
  void insert(const Insertion& insertion, const Progress& progress);
  EncodeSummary encode_rows(const ItemSource& items, std::span<const Slot> slots,
                            ProgressMeter& meter);
  /// Slots from `first` on are new to the graph. Returns the nodes before them whose links have
  /// changed, as far as somebody asks.
  std::vector<ChangedRow> link_rows(std::span<const Slot> slots, std::size_t first,
                                    ProgressMeter& meter);
  /// Writes the tails of changed rows, and of all slots from first on; of all nodes, where a call
  /// that failed left tails half written. inserted: slots that this call gives rows.
  void fuse(std::vector<ChangedRow> changed, std::span<const Slot> inserted, std::size_t first);
  /// All nodes before `first`, and those of the slots, which are free.
  [[nodiscard]] std::vector<ChangedRow> nodes_with(std::span<const Slot> slots,
                                                   std::size_t first) const;
  void write_tails(std::span<const ChangedRow> changed) const;
  void commit(std::span<const Id> ids, std::span<const Slot> slots,
              std::span<const ChangedRow> relinked, std::unique_ptr<const Population> population,
              const EncodeSummary& encoded) noexcept;
  /// Takes back an add: the rows of the slots, of which those before `count` stay free, and sets of
  /// labels from number `label_sets` on.
  void drop_rows(std::span<const Slot> slots, std::size_t count, std::size_t label_sets);
  void label(const Insertion& insertion, std::span<const Slot> slots, std::size_t count);
  void release_outgrown();

  // build.cpp
  /// Codes for the walks of an insertion, or null: they read the rows. first: slots there were.
  [[nodiscard]] std::unique_ptr<const Rows> walk_codes(std::span<const Slot> inserted,
                                                       std::size_t first) const;
  [[nodiscard]] BuildParams build_params() const;
  /// What helps to build on a device; null without one, or where it does not pay.
  [[nodiscard]] std::unique_ptr<BuildDevice> build_device(const BuildParams& params,
                                                          std::size_t count) const;

  // removal.cpp
  /// Searches go on finding the twins of removed slots.
  void keep_nodes(std::span<const Slot> removed, Population& population) const;
  /// Makes the slots of removed items free, if there are enough for it.
  void reclaim() noexcept;
  void repair();
  void set_free(std::span<const Slot> slots);

  // contents.cpp
  [[nodiscard]] std::optional<Slot> find_live(Id id) const;

  // search.cpp
  void check_queries(const Batch& queries, const SearchParams& params) const;
  /// Answers by the device, if there is one and no change is under way. Throws CudaError.
  [[nodiscard]] bool search_on_device(const Searcher& searcher, std::uint64_t changes,
                                      unsigned threads, ProgressMeter& meter,
                                      std::vector<std::uint8_t>& open) const;

  /// The copies on the device, if there is one and they show `rows` as they were when changes_ was
  /// noted, or later. Throws CudaError.
  [[nodiscard]] std::optional<Mirror::Hold> hold_copies(const Rows& rows,
                                                        std::uint64_t changes) const;
  /// Of walks over links alone.
  [[nodiscard]] static Breadth split_breadth(const SearchParams& params,
                                             const SearchDefaults& usual, const Rows& rows);
  [[nodiscard]] Breadth breadth_of(const SearchParams& params, const SearchDefaults& usual,
                                   const Rows& rows) const;
  [[nodiscard]] static std::size_t walk_dim_of(const SearchParams& params, const Rows& rows);

  // allowed.cpp
  [[nodiscard]] Allowed allow(const Filter& filter) const;
  [[nodiscard]] std::vector<std::uint64_t> allowed_words(const Filter& filter,
                                                         const Population& population) const;
  [[nodiscard]] std::vector<std::uint64_t> joined_words(const Filter::Combination& joined,
                                                        const Population& population) const;
  [[nodiscard]] bool ids_are_slots() const;

  // fit.cpp
  void fit_graph(Fitter& fitter, const Batch& queries, const Progress& progress) const;

  // refine.cpp
  void refine_once(Refiner& refiner, const std::function<void(std::size_t done)>& watch);

  // index_file.cpp
  void read_sections(const Loading& loading, std::size_t others);
  [[nodiscard]] ConfigSection config_section() const;
  void validate_rows(const Stretch& watch) const;

  /// What is known of the rows added since training.
  struct Drift {
    double squared_error = 0;
    double squared_norm = 0;
    std::uint64_t values = 0;
    std::uint64_t clipped = 0;
  };

  Config config_;  ///< as given: the layout, once chosen, is that of config()
  ConfigForms forms_;
  LayoutChoice first_choice_;  ///< when it was made: of the layout, which may still be open
  std::optional<LayoutChoice> settled_;  ///< the later one, if that was open
  std::atomic<Layout> layout_;           ///< as searches see it
  std::unique_ptr<Rows> rows_;
  std::atomic<const Rows*> published_{nullptr};  ///< rows_, as searches see it
  bool trained_ = false;
  mutable std::atomic<bool> fused_ready_{false};  ///< tails of walked rows go with the links
  Drift drift_;
  Graph graph_;
  IdMap ids_;
  LabelColumn labels_;
  std::unique_ptr<const Population> population_;
  std::atomic<const Population*> seen_;  ///< population_, as searches see it
  static constexpr std::size_t outdated_room = 8;
  std::vector<std::unique_ptr<const Population>> outdated_;  ///< that searches may still look at
  std::vector<Slot> free_;                                   ///< descending
  std::size_t kept_for_twins_ = 0;  ///< removed rows whose twins need them as their node
  std::atomic<std::size_t> live_count_{0};
  std::atomic<std::size_t> beam_{64};
  std::atomic<std::size_t> rerank_{0};
  std::atomic<float> gamma_{0};
  std::unique_ptr<const TunedRows> tuned_;             ///< null: none
  std::atomic<const TunedRows*> seen_tuned_{nullptr};  ///< tuned_, as searches see it
  std::uint64_t revision_ = 0;
  std::atomic<float> max_norm_{0};  ///< no row is longer
  std::unique_ptr<Mirror> mirror_;  ///< copies on a device; null on the CPU
  std::atomic<std::uint64_t> changes_{0};
  std::uint64_t rewrites_ = 0;
  mutable CopyDelta delta_;  ///< since the copies were brought up to date
  mutable std::mutex writer_;
  mutable std::shared_mutex ids_lock_;
  mutable ReaderGate gate_;
};

struct VectorIndex::Copy {
  explicit Copy(const Config& config) : graph(config.degree) {}
  std::vector<Slot> slots;
  std::unique_ptr<Rows> rows;
  Graph graph;
  IdMap ids;
  LabelColumn labels;
  std::unique_ptr<Population> population = std::make_unique<Population>();
};

/// The order in which slots enter the graph, but for rows that equal an earlier
/// one, which come back in `twins` with the slot they equal.
struct InsertionPlan {
  std::vector<Slot> order;
  std::vector<std::pair<Slot, Slot>> twins;  ///< {slot that is inserted, slot with the same row}
};
[[nodiscard]] InsertionPlan plan_insertion(const Storage& rows, std::span<const Slot> slots,
                                           const Config& config, unsigned threads);

}  // namespace vecinal
