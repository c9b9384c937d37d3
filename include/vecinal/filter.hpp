/// Which items a search may return. A search with a filter finds k items whenever k allowed items
/// exist.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <variant>
#include <vector>

#include "vecinal/config.hpp"

namespace vecinal {

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

  using Rule = std::variant<std::monostate, std::vector<Id>, std::span<const std::uint64_t>,
                            std::function<bool(Id)>>;
  [[nodiscard]] const Rule& rule() const { return rule_; }
  [[nodiscard]] bool allows_everything() const {
    return std::holds_alternative<std::monostate>(rule_);
  }

 private:
  template <class T>
  explicit Filter(T rule) : rule_(std::move(rule)) {}

  Rule rule_;
};

}  // namespace vecinal
