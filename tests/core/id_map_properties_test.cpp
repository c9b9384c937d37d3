// IdMap against a std::map, used as an index does.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "core/id_map.hpp"
#include "support/steps.hpp"

namespace vecinal {
namespace {

class World {
 public:
  /// Gives ids to as many slots, free ones first.
  void add(const std::vector<Id>& ids) {
    const std::vector<Slot> slots = next_slots(ids.size());
    prepare(slots, ids);
    map_.assign(slots, ids);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      free_.erase(slots[i]);
      items_[ids[i]] = slots[i];
      next_ = std::max(next_, ids[i] + 1);
    }
  }

  /// Of an add that fails afterwards.
  void prepare_only(const std::vector<Id>& ids) { prepare(next_slots(ids.size()), ids); }

  void remove(Id id) {
    const auto found = items_.find(id);
    if (found == items_.end()) return;
    free_.insert(found->second);
    items_.erase(found);
    map_.forget(id);
  }

  /// As a file that is written and loaded.
  void reload() {
    IdMap loaded;
    loaded.ids().resize(map_.slots());
    for (std::size_t slot = 0; slot < map_.slots(); ++slot) loaded.ids()[slot] = map_.ids()[slot];
    loaded.set_next_id(map_.next_id());
    loaded.rebuild([&](Slot slot) { return holds_item(slot); });
    map_.swap(loaded);
  }

  [[nodiscard]] Id next() const { return next_; }

  /// Ids that no item has.
  [[nodiscard]] std::vector<Id> unused(std::size_t count, Id from) const {
    std::vector<Id> ids;
    for (Id id = from; ids.size() < count; ++id)
      if (!items_.contains(id)) ids.push_back(id);
    return ids;
  }

  void check() const {
    RC_ASSERT(map_.next_id() == next_);
    for (Id id = -1; id <= next_; ++id) {
      const auto known = items_.find(id);
      const std::optional<Slot> found = map_.find(id);
      if (known != items_.end())
        RC_ASSERT(found == known->second);
      else  // without a map what was removed still has its slot, of which the caller knows
        RC_ASSERT((!found || !holds_item(*found)));  // in one: what is not captured is cut short
    }
    for (const auto& [id, slot] : items_) RC_ASSERT(map_.ids()[slot] == id);
  }

 private:
  [[nodiscard]] bool holds_item(Slot slot) const {
    return slot < map_.slots() && !free_.contains(slot);
  }

  [[nodiscard]] std::vector<Slot> next_slots(std::size_t count) const {
    std::vector<Slot> slots(free_.begin(), free_.end());
    for (auto slot = static_cast<Slot>(map_.slots()); slots.size() < count; ++slot)
      slots.push_back(slot);
    slots.resize(count);
    return slots;
  }

  void prepare(const std::vector<Slot>& slots, const std::vector<Id>& ids) {
    map_.prepare(slots, ids, [&](Slot slot) { return holds_item(slot); });
  }

  IdMap map_;
  std::map<Id, Slot> items_;
  std::set<Slot> free_;
  Id next_ = 0;
};

RC_GTEST_PROP(IdMapProperties, FindsEveryItemAndNoOther, ()) {
  World world;
  for (const auto& [kind, a, b] : *test::steps(5)) {
    if (kind == 0) world.add(world.unused(a % 4, world.next()));
    if (kind == 1) world.add(world.unused(a % 4, static_cast<Id>(b % 50)));
    if (kind == 2) world.remove(static_cast<Id>(a % 50));
    if (kind == 3) world.prepare_only(world.unused(a % 4, static_cast<Id>(b % 50)));
    if (kind == 4) world.reload();
    world.check();
  }
}

}  // namespace
}  // namespace vecinal
