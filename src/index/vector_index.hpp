/// The index of single vectors: rows, graph, ids and what lives, joined behind the public
/// interface.
///
/// Locks: writer_ queues mutating calls. ids_lock_ guards the id map, for contains(), get() and
/// ids(). Searches take neither: they pass gate_, note the views once, and see slots below visible_
/// whose live bit is set.
#pragma once

#include <atomic>
#include <mutex>
#include <shared_mutex>

#include "backend/device_build.hpp"
#include "core/bitmap.hpp"
#include "core/id_map.hpp"
#include "core/reader_gate.hpp"
#include "graph/graph.hpp"
#include "graph/walk.hpp"
#include "index/allowed.hpp"
#include "index/label_column.hpp"
#include "index/mirror.hpp"
#include "index/rows.hpp"
#include "vecinal/index.hpp"

namespace vecinal {

class Fitter;
class ProgressMeter;
struct ConfigSection;
class SectionReader;
class SectionWriter;

/// The config, once validate() has passed it.
[[nodiscard]] Config validated(const Config& config);

/// Throws MemoryLimit if an index of the config may not hold so many bytes.
void check_memory(const Config& config, std::size_t bytes);

/// Items that are made while they are added, so that not all of them need be held.
struct ItemSource {
  std::size_t count = 0;
  std::size_t chunk = 0;  ///< most items asked for at a time
  std::function<Batch(std::size_t first, std::size_t count)> make;  ///< valid until the next call
  Labels labels = {};                                               ///< of all
};

class VectorIndex final : public Index {
 public:
  explicit VectorIndex(const Config& config);

  /// Reads the sections of a file; file >= 0 maps large ones from it. others: sections that are not
  /// this index's. Throws FormatError.
  static std::unique_ptr<VectorIndex> load(const SectionReader& reader, const LoadOptions& options,
                                           int file, std::size_t others = 0);

  /// As add(), and the slots follow those there are.
  std::vector<Id> add_from(const ItemSource& items, std::span<const Id> ids,
                           const Progress& progress);

  /// Bytes that the index will hold with so many more items: an estimate, as levels are drawn.
  [[nodiscard]] std::size_t bytes_with(std::size_t items) const;

  /// Undoes train() of an index without rows.
  void forget_training();

  /// The slots of the ids that the index holds, in ascending order.
  [[nodiscard]] std::vector<Slot> slots_of(std::span<const Id> ids) const;
  [[nodiscard]] Id id_of(Slot slot) const { return ids_.ids().data()[slot]; }

  /// The slots that a search may return, in ascending order.
  [[nodiscard]] std::vector<Slot> allowed_slots(const Filter& filter) const;

  /// Calls `use` with the sections of a file, while no call can change them.
  void write_sections(const std::function<void(SectionWriter&)>& use) const;

  void train(const Batch& sample, const Batch& queries) override;
  std::vector<Id> add(const Batch& items, std::span<const Id> ids,
                      const Progress& progress) override;
  void retrain(const Batch& queries, const Progress& progress) override;
  Fitted fit_queries(const Batch& queries, const FitParams& params) override;
  std::size_t remove(std::span<const Id> ids) override;
  Neighbors search(const Batch& queries, const SearchParams& params) const override;
  Neighbors rerank(const Batch& queries, std::span<const Id> candidates,
                   const SearchParams& params) const override;
  void set_defaults(const SearchDefaults& defaults) override;
  SearchDefaults defaults() const override {
    return {beam_.load(std::memory_order_relaxed), rerank_.load(std::memory_order_relaxed), 0,
            gamma_.load(std::memory_order_relaxed)};
  }
  std::size_t size() const override { return live_count_.load(std::memory_order_acquire); }
  bool contains(Id id) const override;
  std::vector<Id> ids() const override;
  std::size_t vectors_of(Id id) const override;
  std::vector<Label> labels_of(Id id) const override;
  void set_labels(std::span<const Id> ids, const Labels& labels) override;
  void get(Id id, std::span<float> out) const override;
  void save(const std::filesystem::path& file) const override;
  std::vector<std::byte> to_bytes() const override;
  Stats stats() const override;
  const Config& config() const override { return config_; }
  std::vector<std::string> check() const override;

 private:
  friend class DeviceSearch;
  struct Searcher;

  // vector_index.cpp
  void encode_rows(const ItemSource& items, std::size_t first, ProgressMeter& meter,
                   EncodeSummary& encoded);
  [[nodiscard]] std::vector<Id> choose_ids(std::size_t count, std::span<const Id> ids) const;
  void learn(const Batch& sample, const Batch& queries);
  void publish(std::unique_ptr<Rows> rows, bool trained);
  void publish_untrained();
  void link_rows(std::size_t first, ProgressMeter& meter);
  // build.cpp
  [[nodiscard]] BuildParams build_params() const;
  /// What helps to build on a device; null without one, or where it does not pay.
  [[nodiscard]] std::unique_ptr<BuildDevice> build_device(const BuildParams& params,
                                                          std::size_t count) const;
  /// Writes the tails of nodes, and of all slots from first on.
  void fuse(std::vector<Slot> nodes, std::size_t first);
  void commit(std::size_t first, std::span<const Id> ids, const EncodeSummary& encoded);
  /// Takes back an add: rows from `count` on, and sets of labels from number `label_sets` on.
  void drop_rows(std::size_t count, std::size_t label_sets);
  [[nodiscard]] std::optional<Slot> find_live(Id id) const;
  void release_outgrown();

  // search.cpp
  void check_queries(const Batch& queries, const SearchParams& params) const;
  /// The copies on the device, if there is one and they show `rows` as they were when changes_ was
  /// noted, or later. Throws CudaError.
  [[nodiscard]] std::optional<Mirror::Hold> hold_copies(const Rows& rows,
                                                        std::uint64_t changes) const;
  /// Of walks over links alone.
  [[nodiscard]] static Breadth split_breadth(const SearchParams& params,
                                             const SearchDefaults& usual, const Rows& rows);
  [[nodiscard]] Breadth breadth_of(const SearchParams& params, const Rows& rows) const;
  [[nodiscard]] static std::size_t walk_dim_of(const SearchParams& params, const Rows& rows);

  // allowed.cpp
  [[nodiscard]] Allowed allow(const Filter& filter) const;
  [[nodiscard]] std::vector<std::uint64_t> allowed_words(const Filter& filter,
                                                         std::size_t slots) const;
  [[nodiscard]] std::vector<std::uint64_t> joined_words(const Filter::Combination& joined,
                                                        std::size_t slots) const;
  [[nodiscard]] bool ids_are_slots() const;

  // fit.cpp
  void fit_graph(Fitter& fitter, const Batch& queries, const Progress& progress) const;

  // index_file.cpp
  void read_sections(const SectionReader& reader, const LoadOptions& options, int file,
                     std::size_t others);
  [[nodiscard]] ConfigSection config_section() const;
  void validate_rows() const;

  /// What is known of the rows added since training.
  struct Drift {
    double squared_error = 0;
    double squared_norm = 0;
    std::uint64_t values = 0;
    std::uint64_t clipped = 0;
  };

  Config config_;
  std::unique_ptr<Rows> rows_;
  std::atomic<const Rows*> published_{nullptr};  ///< rows_, as searches see it
  bool trained_ = false;
  std::atomic<bool> fused_ready_{false};  ///< tails of walked rows go with the links
  Drift drift_;
  Graph graph_;
  IdMap ids_;
  Bitmap live_;
  LabelColumn labels_;
  std::atomic<std::size_t> visible_{0};  ///< slots whose add has been committed
  std::atomic<std::size_t> live_count_{0};
  std::atomic<std::size_t> beam_{64};
  std::atomic<std::size_t> rerank_{0};
  std::atomic<float> gamma_{0};
  std::atomic<float> max_norm_{0};  ///< no row is longer
  std::unique_ptr<Mirror> mirror_;  ///< copies on a device; null on the CPU
  std::atomic<std::uint64_t> changes_{0};
  std::uint64_t rewrites_ = 0;
  mutable std::mutex writer_;
  mutable std::shared_mutex ids_lock_;
  mutable ReaderGate gate_;
};

/// The order in which the slots from `first` on enter the graph, but for rows that equal an earlier
/// one, which come back in `twins` with the slot they equal.
struct InsertionPlan {
  std::vector<Slot> order;
  std::vector<std::pair<Slot, Slot>> twins;  ///< {slot that is inserted, slot with the same row}
};
[[nodiscard]] InsertionPlan plan_insertion(const Storage& rows, std::size_t first,
                                           const Config& config, unsigned threads);

}  // namespace vecinal
