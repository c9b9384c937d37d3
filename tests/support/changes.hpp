/// Every kind of change of an index, one after the other, each with something to do: for tests that
/// interrupt them.
#pragma once

#include <functional>
#include <memory>
#include <numeric>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "support/data.hpp"
#include "support/sets.hpp"

namespace vecinal::test {

struct Change {
  std::string name;
  std::function<void(Index&)> make;
};

class Changes {
 public:
  explicit Changes(const Config& config) : config_(config) {
    const bool chamfer = config.metric == Metric::chamfer;
    const std::size_t many = chamfer ? 30 : 60;
    train(many);
    add(many, {});
    push("set_defaults", [](Index& index) { index.set_defaults({.beam = 40}); });
    push("keep_tuned", [](Index& index) {
      index.keep_tuned({.target = .9,
                        .k = 5,
                        .defaults = {.beam = 50, .rerank = 70},
                        .recall = .95,
                        .checked_recall = .93,
                        .checked_low = .9,
                        .checked_high = .96,
                        .items = index.size(),
                        .revision = index.stats().revision});
    });
    add(3, {1000, 1002, 1001});
    remove(numbers(4, 24));
    add(7, {});
    update({2, 1001, 30 - (chamfer ? 2 : 0)});
    label({3, 1000});
    if (config.graph != GraphKind::none) {
      fit();
      push("refine", [](Index& index) { index.refine({.beam = 20, .rounds = 2}); });
    }
    push("retrain", [queries = items(40)](Index& index) { index.retrain(queries->batch); });
    remove({0, 1002});
    push("compact", [](Index& index) { index.compact(); });
    add(1, {5000});
  }

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] std::size_t size() const { return changes_.size(); }
  [[nodiscard]] const Change& operator[](std::size_t i) const { return changes_[i]; }

 private:
  struct Items {
    Rows rows;
    Sets sets;
    std::vector<Label> labels;
    Batch batch;
  };
  using Make = std::function<void(Index&)>;

  void push(const char* name, Make make) { changes_.push_back({name, std::move(make)}); }

  static std::vector<Id> numbers(Id first, std::size_t count) {
    std::vector<Id> ids(count);
    std::iota(ids.begin(), ids.end(), first);
    return ids;
  }

  /// Items like no others; every third label is 3.
  std::shared_ptr<const Items> items(std::size_t count) {
    auto made = std::make_shared<Items>();
    ++seed_;
    if (config_.metric == Metric::chamfer) {
      made->sets = random_sets(count, config_.dim, seed_);
      made->batch = made->sets.batch();
    } else {
      made->rows = clustered(count, config_.dim, seed_, 5);
      made->batch = made->rows.batch();
    }
    for (std::size_t i = 0; i < count; ++i) made->labels.push_back(static_cast<Label>(i % 5));
    return made;
  }

  void train(std::size_t count) {
    push("train", [sample = items(count), queries = items(count)](Index& index) {
      index.train(sample->batch, queries->batch);
    });
  }

  void add(std::size_t count, std::vector<Id> ids) {
    push("add", [added = items(count), ids = std::move(ids)](Index& index) {
      Batch batch = added->batch;
      batch.labels = {added->labels, {}};
      index.add(batch, ids);
    });
  }

  void remove(std::vector<Id> ids) {
    push("remove", [ids = std::move(ids)](Index& index) { index.remove(ids); });
  }

  void update(std::vector<Id> ids) {
    push("update",
         [changed = items(ids.size()), ids](Index& index) { index.update(ids, changed->batch); });
  }

  void label(std::vector<Id> ids) {
    push("set_labels", [ids = std::move(ids)](Index& index) {
      const std::vector<Label> labels = {7, 8, 9};
      const std::vector<std::size_t> offsets = {0, 1, 3};
      index.set_labels(ids, {labels, offsets});
    });
  }

  void fit() {
    push("fit_queries", [queries = items(20)](Index& index) {
      index.fit_queries(queries->batch, {.beam = 20, .neighbors = 5});
    });
  }

  Config config_;
  std::uint32_t seed_ = 100;
  std::vector<Change> changes_;
};

struct Make {
  std::string name;
  Config config;

  friend void PrintTo(const Make& make, std::ostream* out) { *out << make.name; }
};

/// Small indexes of every make: flat and with a graph, plain, learned, fused, and of sets.
inline std::vector<Make> makes(unsigned threads) {
  Config plain{.dim = 6, .degree = 4, .build_beam = 8, .threads = threads};
  Config flat = plain;
  flat.graph = GraphKind::none;
  flat.encoding = Encoding::lvq8;
  Config learned = plain;
  learned.metric = Metric::cosine;
  learned.encoding = Encoding::lvq4x8;
  learned.reduction = Reduction::leanvec_ood;
  learned.reduced_dim = 4;
  Config fused = plain;
  fused.encoding = Encoding::lvq8x8;
  fused.layout = Layout::fused;
  fused.degree = 32;
  Config sets = plain;
  sets.metric = Metric::chamfer;
  sets.encoding = Encoding::lvq8;
  sets.fde = {.k_sim = 1, .repetitions = 3};
  return {{"plain", plain}, {"flat", flat}, {"learned", learned}, {"fused", fused}, {"sets", sets}};
}

}  // namespace vecinal::test
