// Searches beside adds, updates, removals and compaction: every answer must be one that some moment
// of the call allows. VECINAL_HISTORY_OPS asks for more operations of the writers than the few
// here; how many operations were checked is printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

#include "vecinal/index.hpp"

namespace vecinal {
namespace {

constexpr std::size_t dim = 12;
constexpr std::size_t lasting = 200;  ///< ids below it stay
constexpr std::size_t most_versions = 64;

/// When something began and when it was done, by a clock that counts. 0: not yet.
struct Span {
  std::atomic<std::uint64_t> begin{0};
  std::atomic<std::uint64_t> end{0};

  [[nodiscard]] bool began_before(std::uint64_t time) const {
    const std::uint64_t at = begin.load();
    return at != 0 && at < time;
  }
  [[nodiscard]] bool done_before(std::uint64_t time) const {
    const std::uint64_t at = end.load();
    return at != 0 && at < time;
  }
};

/// Of an id, each of which is used once.
struct Life {
  std::vector<Span> versions;  ///< of its vector; the first is its add
  Span removal;

  /// A version that a call between two moments may see.
  [[nodiscard]] bool may_show(std::size_t version, std::uint64_t from, std::uint64_t to) const {
    const bool replaced = version + 1 < versions.size() && versions[version + 1].done_before(from);
    return versions[version].began_before(to) && !replaced && !removal.done_before(from);
  }
};

/// Made anew wherever it is needed, so it must cost little: SplitMix64 of what it is of.
std::array<float, dim> vector_of(Id id, std::size_t version) {
  auto state = static_cast<std::uint64_t>(id) * 97 + version;
  std::array<float, dim> vector;
  for (float& value : vector) {
    state += 0x9E3779B97F4A7C15U;
    std::uint64_t bits = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9U;
    bits = (bits ^ (bits >> 27U)) * 0x94D049BB133111EBU;
    value = static_cast<float>(static_cast<std::int64_t>(bits)) * 0x1p-62F;
  }
  return vector;
}

double squared_distance(const std::array<float, dim>& a, const std::array<float, dim>& b) {
  double sum = 0;
  for (std::size_t d = 0; d < dim; ++d) {
    const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sum += difference * difference;
  }
  return sum;
}

class History {
 public:
  History(const Config& config, std::size_t operations, double slack)
      : index_(make_index(config)), operations_(operations), slack_(slack) {
    lives_ = std::vector<Life>(lasting + 8 * operations);
    for (std::size_t id = 0; id < lives_.size(); ++id)
      lives_[id].versions = std::vector<Span>(id < lasting ? most_versions : 1);
    change(0, lasting, 0,
           [&](std::span<const Id> ids, const Batch& rows) { index_->add(rows, ids); });
    next_ = lasting;
  }

  void run() {
    std::vector<std::jthread> readers;
    for (std::uint32_t r = 0; r < 2; ++r) readers.emplace_back([this, r] { read(r); });
    write();
    stop_ = true;
    readers.clear();
    EXPECT_EQ(index_->check(), std::vector<std::string>{});
    EXPECT_GE(static_cast<double>(found_.load()), 0.99 * static_cast<double>(asked_.load()));
    std::cout << "operations: " << written_ + read_.load() << " (" << written_
              << " items added, updated, removed)\n";
  }

 private:
  std::uint64_t tick() { return clock_.fetch_add(1) + 1; }

  /// Calls with the vectors of a version of ids first, first + 1, ..., and notes when.
  template <class Call>
  void change(std::size_t first, std::size_t count, std::size_t version, const Call& call) {
    std::vector<Id> ids;
    std::vector<float> values;
    for (std::size_t i = first; i < first + count; ++i) {
      ids.push_back(static_cast<Id>(i));
      const auto vector = vector_of(ids.back(), version);
      values.insert(values.end(), vector.begin(), vector.end());
      lives_[i].versions[version].begin = tick();
    }
    call(ids, Batch{.data = values.data(), .count = count, .dim = dim});
    written_ += count;
    for (std::size_t i = first; i < first + count; ++i) lives_[i].versions[version].end = tick();
  }

  void write() {
    std::mt19937 random(1);
    std::size_t oldest = lasting;
    std::size_t version = 0;
    for (std::size_t op = 0; op < operations_; ++op) {
      if (next_ - oldest < 150 || random() % 2 == 0) {
        const std::size_t count = 1 + random() % 8;
        change(next_, count, 0,
               [&](std::span<const Id> ids, const Batch& rows) { index_->add(rows, ids); });
        next_ += count;
      } else {
        const std::size_t count = 1 + random() % 8;
        std::vector<Id> ids;
        for (std::size_t i = oldest; i < oldest + count; ++i) {
          ids.push_back(static_cast<Id>(i));
          lives_[i].removal.begin = tick();
        }
        EXPECT_EQ(index_->remove(ids), count);
        for (const Id id : ids) lives_[static_cast<std::size_t>(id)].removal.end = tick();
        oldest += count;
        written_ += count;
      }
      if (op % 20 == 19 && version + 1 < most_versions)
        change(0, lasting, ++version,
               [&](std::span<const Id> ids, const Batch& rows) { index_->update(ids, rows); });
      if (op % 50 == 49) index_->compact();
      if (op % 64 == 63) {
        EXPECT_EQ(load_index(index_->to_bytes())->size(), index_->size());
      }
    }
  }

  void read(std::uint32_t seed) {
    std::mt19937 random(seed + 10);
    while (!stop_) {
      const auto asked = static_cast<Id>(random() % lasting);
      const auto query = vector_of(asked, 0);
      const std::uint64_t from = tick();
      const Neighbors hits = index_->search({.data = query.data(), .count = 1, .dim = dim},
                                            {.k = 10, .beam = 60, .threads = 1});
      check(query, hits, from, tick());
      EXPECT_TRUE(index_->contains(asked));
      look_at(asked);
      read_ += 4;
    }
  }

  void check(const std::array<float, dim>& query, const Neighbors& hits, std::uint64_t from,
             std::uint64_t to) {
    ASSERT_EQ(hits.counts[0], 10U);
    std::vector<Id> ids(hits.ids.begin(), hits.ids.end());
    EXPECT_TRUE(std::is_sorted(hits.distances.begin(), hits.distances.end()));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const Life& life = lives_[static_cast<std::size_t>(ids[i])];
      bool explained = false;
      for (std::size_t v = 0; v < life.versions.size() && !explained; ++v) {
        if (!life.may_show(v, from, to)) continue;
        const double expected = squared_distance(query, vector_of(ids[i], v));
        explained =
            std::abs(expected - static_cast<double>(hits.distances[i])) <= slack_ * (1 + expected);
      }
      EXPECT_TRUE(explained) << "id " << ids[i] << " at " << hits.distances[i];
    }
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
  }

  /// The item itself is a version of it, and is found by it.
  void look_at(Id id) {
    std::array<float, dim> stored;
    const std::uint64_t from = tick();
    index_->get(id, stored);
    const Neighbors hits = index_->search({.data = stored.data(), .count = 1, .dim = dim},
                                          {.k = 1, .beam = 60, .threads = 1});
    const std::uint64_t to = tick();
    bool whole = false;
    bool changed = false;
    const Life& life = lives_[static_cast<std::size_t>(id)];
    std::size_t shown = 0;
    for (std::size_t v = 0; v < life.versions.size(); ++v) {
      if (!life.may_show(v, from, to)) continue;
      changed = ++shown > 1;
      whole = whole || squared_distance(stored, vector_of(id, v)) <= slack_ * dim;
    }
    EXPECT_TRUE(whole) << "id " << id << " is torn";
    if (changed) return;
    ++asked_;
    found_ += hits.ids[0] == id ? 1U : 0U;
  }

  std::unique_ptr<Index> index_;
  std::size_t operations_;
  double slack_;
  std::size_t next_ = 0;
  std::vector<Life> lives_;
  std::atomic<std::uint64_t> clock_{0};
  std::atomic<bool> stop_{false};
  std::size_t written_ = 0;
  std::atomic<std::size_t> read_{0};  ///< searches, get, contains
  std::atomic<std::size_t> asked_{0};
  std::atomic<std::size_t> found_{0};
};

std::size_t operations() {
  const char* asked = std::getenv("VECINAL_HISTORY_OPS");
  return asked == nullptr ? 150 : std::strtoull(asked, nullptr, 10);
}

TEST(History, EveryAnswerIsOneThatWasTrue) {
  History({.dim = dim, .build_beam = 40, .threads = 2}, operations(), 1e-4).run();
}

TEST(History, EveryAnswerOfFusedRowsIsOneThatWasTrue) {
  History({.dim = dim,
           .encoding = Encoding::lvq8x8,
           .layout = Layout::fused,
           .build_beam = 40,
           .threads = 1},
          operations(), 2e-2)
      .run();
}

TEST(History, EveryAnswerOfAFlatIndexIsOneThatWasTrue) {
  History({.dim = dim, .graph = GraphKind::none, .threads = 1}, operations(), 1e-4).run();
}

}  // namespace
}  // namespace vecinal
