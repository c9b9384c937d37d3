#include "index/slot_check.hpp"

#include <bit>

#include "core/concat.hpp"

namespace vecinal {
namespace {

std::vector<std::string> check_graph(const SlotParts& parts, const Stretch& watch) {
  if (parts.graph == nullptr) return {};
  if (parts.graph->size() != parts.rows)
    return {concat("graph: ", parts.graph->size(), " nodes for ", parts.rows, " rows")};
  return parts.graph->check(watch);
}

std::size_t items_of(const Population& population) {
  std::size_t items = 0;
  for (const std::uint64_t word : population.words)
    items += static_cast<std::size_t>(std::popcount(word));
  return items;
}

/// What is wrong with the item of a slot; empty if nothing is.
std::string fault_of(const SlotParts& parts, Slot slot) {
  const Id id = parts.ids.ids()[slot];
  if (parts.graph != nullptr && !parts.graph->holds(slot))
    return concat("graph: slot ", slot, " is not in the graph");
  if (id < 0 || parts.ids.find(id) != slot)
    return concat("ids: id ", id, " does not lead to its slot ", slot);
  return {};
}

}  // namespace

std::vector<std::string> check_slots(const SlotParts& parts, const Stretch& watch) {
  constexpr double graph = .8;  // of the time, about
  std::vector<std::string> faults = check_graph(parts, watch.part(0, graph));
  if (parts.ids.slots() != parts.rows)
    faults.push_back(concat("ids: ", parts.ids.slots(), " ids for ", parts.rows, " rows"));
  if (parts.population.slots != parts.rows)
    faults.push_back(concat("live: ", parts.population.slots, " slots for ", parts.rows, " rows"));
  const std::size_t items = items_of(parts.population);
  if (items != parts.size)
    faults.push_back(concat("live: ", items, " set, ", parts.size, " counted"));
  for (const Slot slot : parts.free)
    if (parts.population.contains(slot)) faults.push_back(concat("live: slot ", slot, " is free"));
  const Stretch rest = watch.part(graph, 1);
  for (Slot slot = 0; slot < parts.rows && faults.empty(); ++slot) {
    rest.step(slot, parts.rows);
    if (!parts.population.contains(slot)) continue;
    if (std::string fault = fault_of(parts, slot); !fault.empty())
      faults.push_back(std::move(fault));
  }
  return faults;
}

}  // namespace vecinal
