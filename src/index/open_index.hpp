/// A SavedIndex, its file and its log. Changes go to the log first and then to the index, one at a
/// time; whatever reads goes straight to the index.
///
/// Why the log is written first: a search sees nothing that a crash could take back, and to undo a
/// change that the index refuses is to cut off a record.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "core/log_file.hpp"
#include "index/log_record.hpp"
#include "index/saved_index.hpp"
#include "vecinal/open.hpp"

namespace vecinal {

class OpenIndex final : public LoggedIndex {
 public:
  OpenIndex(const std::filesystem::path& file, const Config& config, const OpenOptions& options);

  void checkpoint(const Progress& progress) override;
  void flush() override;
  void close() override;
  LogInfo log() const override;

  void train(const Batch& sample, const Batch& queries, const Progress& progress) override;
  std::vector<Id> add(const Batch& items, std::span<const Id> ids,
                      const Progress& progress) override;
  void update(std::span<const Id> ids, const Batch& items, const Progress& progress) override;
  void compact(const Progress& progress) override;
  void retrain(const Batch& queries, const Progress& progress) override;
  Fitted fit_queries(const Batch& queries, const FitParams& params) override;
  void refine(const RefineParams& params) override;
  std::size_t remove(std::span<const Id> ids) override;
  void set_defaults(const SearchDefaults& defaults) override;
  bool keep_tuned(const Tuned& tuned) override;
  void set_labels(std::span<const Id> ids, const Labels& labels) override;

  Neighbors search(const Batch& queries, const SearchParams& params) const override {
    return index_->search(queries, params);
  }
  Neighbors rerank(const Batch& queries, std::span<const Id> candidates,
                   const SearchParams& params) const override {
    return index_->rerank(queries, candidates, params);
  }
  SearchDefaults defaults() const override { return index_->defaults(); }
  std::size_t size() const override { return index_->size(); }
  bool contains(Id id) const override { return index_->contains(id); }
  std::vector<Id> ids() const override { return index_->ids(); }
  std::size_t vectors_of(Id id) const override { return index_->vectors_of(id); }
  std::vector<Label> labels_of(Id id) const override { return index_->labels_of(id); }
  void get(Id id, std::span<float> out) const override { index_->get(id, out); }
  void save(const std::filesystem::path& file, const Progress& progress) const override;
  std::vector<std::byte> to_bytes(const Progress& progress) const override {
    return index_->to_bytes(progress);
  }
  Stats stats() const override { return index_->stats(); }
  const Config& config() const override { return index_->config(); }
  std::vector<std::string> check(const Progress& progress) const override {
    return index_->check(progress);
  }

 private:
  void make(const Config& config);
  void load(const Config& config, const OpenOptions& options);
  /// Makes the changes of the log that the file does not have.
  void replay(const LogContents& contents, std::uint64_t sequence, const Stretch& watch);
  /// Writes the operation to the log, then calls change(); neither if either throws.
  template <class Change>
  auto logged(const Operation& operation, const Change& change);
  /// Writes the index file, as it is after record `sequence`; its bytes. With writer_.
  std::size_t write_file(std::uint64_t sequence, const Progress& progress) const;
  void write_checkpoint(const Progress& progress) const;

  std::filesystem::path file_;
  mutable LogFile log_;
  std::unique_ptr<SavedIndex> index_;
  mutable std::uint64_t saved_ = 0;  ///< the last record that the index file has
  std::uint64_t torn_ = 0;
  mutable std::mutex writer_;
};

}  // namespace vecinal
