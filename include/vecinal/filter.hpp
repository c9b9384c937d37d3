/// Which items a search may return. A search with a filter finds k items whenever k allowed items
/// exist.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "vecinal/config.hpp"

namespace vecinal {

/// How a search goes about its filter (docs/filters.md).
///
/// automatic: the cheapest of the others, by counts. walk: all items are allowed, nothing to go
/// about. inside: a walk of the graph through all nodes, which keeps the allowed ones. bridge: a
/// walk over the allowed nodes, and from rejected ones on to their neighbours. scan: the query is
/// compared with every allowed item. Walks that end with too little are followed by a scan.
enum class Plan : std::uint8_t { automatic, walk, inside, bridge, scan };

/// "auto" "walk" "inside" "bridge" "scan". parse_plan throws std::invalid_argument listing them.
[[nodiscard]] std::string_view name(Plan plan);
[[nodiscard]] Plan parse_plan(std::string_view text);

class Filter {
 public:
  /// Allows everything.
  Filter() = default;

  /// Allows the listed ids; ids that the index does not hold are ignored. The list is copied.
  [[nodiscard]] static Filter ids(std::span<const Id> allowed) {
    return Filter(std::vector<Id>(allowed.begin(), allowed.end()));
  }

  /// Bit i of the words (least significant first) allows id i; ids past the end are not allowed.
  /// A view: the words must outlive the search.
  [[nodiscard]] static Filter bitmap(std::span<const std::uint64_t> words) { return Filter(words); }

  /// Asks once for every item of the index, from the calling thread, before the search starts.
  [[nodiscard]] static Filter predicate(std::function<bool(Id)> allowed) {
    return Filter(std::move(allowed));
  }

  /// Allows items that have the label.
  [[nodiscard]] static Filter label(Label label) { return Filter(AnyLabel{{label}}); }

  /// Allows items that have one of the labels or more.
  [[nodiscard]] static Filter any_label(std::span<const Label> labels) {
    return Filter(AnyLabel{{labels.begin(), labels.end()}});
  }

  /// Filters of every kind go together.
  friend Filter operator&(Filter a, Filter b) {
    return join(Join::both, std::move(a), std::move(b));
  }
  friend Filter operator|(Filter a, Filter b) {
    return join(Join::either, std::move(a), std::move(b));
  }
  friend Filter operator~(Filter a) {
    Combination inverted{Join::neither, {}};
    inverted.parts.push_back(std::move(a));
    return Filter(std::move(inverted));
  }

  struct AnyLabel {
    std::vector<Label> labels;
  };
  enum class Join : std::uint8_t { both, either, neither };
  struct Combination {
    Join join;
    std::vector<Filter> parts;
  };
  using Rule = std::variant<std::monostate, std::vector<Id>, std::span<const std::uint64_t>,
                            std::function<bool(Id)>, AnyLabel, Combination>;
  [[nodiscard]] const Rule& rule() const { return rule_; }
  [[nodiscard]] bool allows_everything() const {
    return std::holds_alternative<std::monostate>(rule_);
  }

  /// True if a predicate is part of it.
  [[nodiscard]] bool asks() const {
    const auto* joined = std::get_if<Combination>(&rule_);
    if (joined == nullptr) return std::holds_alternative<std::function<bool(Id)>>(rule_);
    return std::any_of(joined->parts.begin(), joined->parts.end(),
                       [](const Filter& part) { return part.asks(); });
  }

 private:
  template <class T>
  explicit Filter(T rule) : rule_(std::move(rule)) {}

  static Filter join(Join how, Filter a, Filter b) {
    Combination joined{how, {}};
    joined.parts.push_back(std::move(a));
    joined.parts.push_back(std::move(b));
    return Filter(std::move(joined));
  }

  Rule rule_;
};

}  // namespace vecinal
