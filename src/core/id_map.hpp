/// The user's ids and the slots they stand for. While every id equals its slot (the default
/// numbering) no hash map is kept, which saves some 30 bytes an item.
///
/// Not synchronised, but ids() may be read beside a writer for slots that were there before.
#pragma once

#include <tsl/robin_map.h>

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "core/growable_array.hpp"
#include "core/types.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

class IdMap {
 public:
  [[nodiscard]] std::size_t slots() const { return ids_.size(); }
  [[nodiscard]] const GrowableArray<Id>& ids() const { return ids_; }
  [[nodiscard]] GrowableArray<Id>& ids() { return ids_; }

  /// True while every id equals its slot.
  [[nodiscard]] bool identity() const { return identity_; }

  /// The largest id ever used plus one.
  [[nodiscard]] Id next_id() const { return next_id_; }
  void set_next_id(Id next) { next_id_ = next; }

  /// The slot that was last given to an id, removed or not in the default numbering: the caller
  /// knows what lives.
  [[nodiscard]] std::optional<Slot> find(Id id) const {
    if (identity_) {
      if (id < 0 || static_cast<std::size_t>(id) >= ids_.size()) return std::nullopt;
      return static_cast<Slot>(id);
    }
    const auto found = map_.find(id);
    if (found == map_.end()) return std::nullopt;
    return found->second;
  }

  /// Makes room so that assign() of these cannot fail. live(slot) says which slots still count.
  template <class Live>
  void prepare(std::span<const Slot> slots, std::span<const Id> ids, Live live) {
    ids_.reserve(ids_.size() + ids.size());
    for (std::size_t i = 0; identity_ && i < ids.size(); ++i)
      if (ids[i] != static_cast<Id>(slots[i])) leave_identity(live);
    if (!identity_) map_.reserve(map_.size() + ids.size());
  }

  /// Gives ids to slots, which are there or follow the last one. After prepare().
  void assign(std::span<const Slot> slots, std::span<const Id> ids) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (!identity_) map_[ids[i]] = slots[i];
      if (slots[i] == ids_.size()) ids_.push_back(ids[i]);
      ids_[slots[i]] = ids[i];
      if (ids[i] >= next_id_) next_id_ = ids[i] == max_id ? max_id : ids[i] + 1;
    }
  }

  void forget(Id id) {
    if (!identity_) map_.erase(id);
  }

  /// No reader may be running.
  void swap(IdMap& other) noexcept {
    ids_.swap(other.ids_);
    map_.swap(other.map_);
    std::swap(identity_, other.identity_);
    std::swap(next_id_, other.next_id_);
  }

  /// Builds the map for ids_ that were loaded.
  template <class Live>
  void rebuild(Live live) {
    identity_ = true;
    for (std::size_t slot = 0; identity_ && slot < ids_.size(); ++slot)
      if (ids_[slot] != static_cast<Id>(slot)) leave_identity(live);
  }

  [[nodiscard]] std::size_t bytes() const {
    return ids_.bytes() +
           map_.bucket_count() * (map_.empty() ? 0 : sizeof(std::pair<Id, Slot>) + 8);
  }

  static constexpr Id max_id = INT64_MAX;

 private:
  template <class Live>
  void leave_identity(Live live) {
    tsl::robin_map<Id, Slot> map;
    map.max_load_factor(0.8F);
    map.reserve(ids_.size());
    for (std::size_t slot = 0; slot < ids_.size(); ++slot)
      if (live(static_cast<Slot>(slot))) map[ids_[slot]] = static_cast<Slot>(slot);
    map_ = std::move(map);
    identity_ = false;
  }

  GrowableArray<Id> ids_;
  tsl::robin_map<Id, Slot> map_;
  bool identity_ = true;
  Id next_id_ = 0;
};

}  // namespace vecinal
