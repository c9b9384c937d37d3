// The power goes at any moment: what was acknowledged as durable is found again, and of the changes
// after it a first part, whatever the disk made of the writes that were not synced.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <vector>

#include "cli/temporary_folder.hpp"
#include "faults/disk.hpp"
#include "support/data.hpp"
#include "vecinal/open.hpp"

namespace vecinal {
namespace {

using test::Disk;

using State = std::map<Id, std::vector<float>>;

State state_of(const Index& index) {
  State state;
  for (const Id id : index.ids()) {
    std::vector<float>& vector = state[id];
    vector.resize(index.config().dim);
    index.get(id, vector);
  }
  return state;
}

const Config config{.dim = 3, .degree = 4, .build_beam = 10, .threads = 1};

const test::Rows& rows() {
  static const test::Rows made = test::clustered(40, config.dim, 1);
  return made;
}

struct Step {
  std::function<void(LoggedIndex&)> take;
  bool flushes = false;  ///< makes all that was done before it durable
};

Step add(std::size_t first, std::size_t count) {
  return {[=](LoggedIndex& index) { index.add(rows().part(first, count)); }};
}
Step remove(std::vector<Id> ids) {
  return {[=](LoggedIndex& index) { index.remove(ids); }};
}
Step update(std::vector<Id> ids, std::size_t first) {
  return {[=](LoggedIndex& index) { index.update(ids, rows().part(first, ids.size())); }};
}
const Step save{[](LoggedIndex& index) { index.checkpoint(); }, true};
const Step flush{[](LoggedIndex& index) { index.flush(); }, true};

/// A life of an index on a disk, and what it was after each step.
class Life {
 public:
  explicit Life(Sync sync) : sync_(sync), disk_(folder_.path()) { states_.emplace_back(); }

  /// An index that is saved, without a log.
  void save_plain(std::size_t items) {
    const auto index = make_index(config);
    index->add(rows().part(0, items));
    begun_.push_back(disk_.now());
    index->save(file_);
    states_.push_back(state_of(*index));
    durable_.push_back(disk_.now());
  }

  /// What the steps make durable counts from when they have returned.
  void live(const std::vector<Step>& steps) {
    const auto index = open_index(file_, config, {.sync = sync_});
    for (const Step& step : steps) {
      begun_.push_back(disk_.now());
      step.take(*index);
      states_.push_back(state_of(*index));
      const bool kept = sync_ == Sync::each || step.flushes;
      durable_.push_back(kept ? disk_.now() : std::numeric_limits<std::size_t>::max());
    }
    index->close();
    // close() flushes.
    durable_.back() = std::min(durable_.back(), disk_.now());
  }

  /// Loses the power at every moment, with every fate of what was not synced, or `most` drawn ones.
  void lose_power(std::size_t most) {
    disk_.stop();
    std::mt19937 random(1);
    for (std::size_t moment = 0; moment <= disk_.now(); ++moment) {
      const std::size_t open = disk_.open_changes(moment);
      std::size_t all = 1;
      for (std::size_t i = 0; i < open && all <= most; ++i) all *= fates;
      for (std::size_t n = 0; n < std::min(all, most); ++n) {
        std::vector<std::size_t> chosen(open);
        std::size_t rest = n;
        for (std::size_t& fate : chosen) {
          fate = all <= most ? rest % fates : random() % fates;
          rest /= fates;
        }
        disk_.restore(
            moment, [&](std::size_t i) { return static_cast<Disk::Fate>(chosen[i]); },
            folder_ / "after");
        expect_found(moment);
        if (::testing::Test::HasFailure()) return;
        ++losses_;
      }
    }
  }

  [[nodiscard]] std::size_t losses() const { return losses_; }

 private:
  static constexpr auto fates = static_cast<std::size_t>(Disk::Fate::fates);

  void expect_found(std::size_t moment) const {
    std::size_t least = 0;
    std::size_t most = 0;
    for (std::size_t i = 0; i < begun_.size(); ++i) {
      if (durable_[i] <= moment) least = i + 1;
      if (begun_[i] < moment) most = i + 1;
    }
    State found;
    try {
      found = state_of(*open_index(folder_ / "after" / "a.vcn", config));
    } catch (const std::exception& error) {
      ADD_FAILURE() << "moment " << moment << ": " << error.what();
      return;
    }
    for (std::size_t i = least; i <= most; ++i)
      if (found == states_[i]) return;
    ADD_FAILURE() << "moment " << moment << ": " << found.size() << " items, not those after steps "
                  << least << " to " << most;
  }

  Sync sync_;
  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a.vcn";
  Disk disk_;
  std::vector<State> states_;
  std::vector<std::size_t> begun_;
  std::vector<std::size_t> durable_;
  std::size_t losses_ = 0;
};

constexpr std::size_t most = 300;

TEST(PowerLoss, TakesNothingBackThatACallHasAcknowledged) {
  Life life(Sync::each);
  life.live({add(0, 6), add(6, 4), remove({2, 7}), update({3}, 20), save, add(10, 3), remove({0})});
  life.live({add(13, 2), save, update({4, 5}, 30)});
  life.lose_power(most);
  EXPECT_GT(life.losses(), 150U);
}

TEST(PowerLoss, TakesNothingBackThatWasFlushedAndOfTheRestNoMoreThanTheLast) {
  Life life(Sync::on_flush);
  life.live({add(0, 6), add(6, 4), remove({2, 7}), flush, update({3}, 20), add(10, 2), save,
             add(12, 3), remove({0}), add(15, 1)});
  life.live({add(16, 2), flush, remove({4})});
  life.lose_power(most);
  EXPECT_GT(life.losses(), 400U);
}

TEST(PowerLoss, TakesNoLogAwayThatIsNewBesideAFile) {
  Life life(Sync::each);
  life.save_plain(10);
  life.live({add(10, 2), remove({3}), save});
  life.lose_power(most);
  EXPECT_GT(life.losses(), 50U);
}

}  // namespace
}  // namespace vecinal
