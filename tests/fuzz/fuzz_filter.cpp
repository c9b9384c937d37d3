// Fuzzes filters: the bytes are a filter of any shape and the parameters of a search. The answer
// must hold k items, or all that the filter allows by a plain reading of it, and no other; or the
// parameters are refused with std::invalid_argument.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

#include "vecinal/index.hpp"

namespace {

using vecinal::Filter;
using vecinal::Id;
using vecinal::Label;

constexpr std::size_t dim = 3;
constexpr std::size_t items = 90;

/// Takes numbers from the input; zeros once it is used up.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  template <class T>
  T take() {
    T value{};
    const std::size_t taken = std::min(sizeof value, rest_.size());
    if (taken != 0) std::memcpy(&value, rest_.data(), taken);
    rest_ = rest_.subspan(taken);
    return value;
  }
  std::size_t below(std::size_t limit) { return take<std::uint8_t>() % limit; }

 private:
  std::span<const std::uint8_t> rest_;
};

Label label_of(Id id) { return id % 7 - 1; }

/// A filter and, by id, what it allows.
struct Expected {
  Filter filter;
  std::vector<bool> allowed;
};

/// Ids of the index are twice as sparse as those that filters name.
constexpr std::size_t id_limit = 2 * items;

Expected leaf(Bytes& bytes, std::vector<std::vector<std::uint64_t>>& bitmaps) {
  Expected made{{}, std::vector<bool>(id_limit, true)};
  const auto keep = [&made](auto allows) {
    for (std::size_t id = 0; id < id_limit; ++id) made.allowed[id] = allows(static_cast<Id>(id));
  };
  const std::size_t kind = bytes.below(6);
  if (kind == 1) {
    std::vector<Id> ids(bytes.below(20));
    for (Id& id : ids) id = bytes.take<std::int16_t>() % static_cast<Id>(2 * id_limit);
    keep([&](Id id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); });
    made.filter = Filter::ids(ids);
  } else if (kind == 2) {
    bitmaps.emplace_back(bytes.below(5));
    std::vector<std::uint64_t>& words = bitmaps.back();
    for (std::uint64_t& word : words) word = bytes.take<std::uint64_t>();
    keep([&](Id id) {
      const auto bit = static_cast<std::size_t>(id);
      return bit / 64 < words.size() && (words[bit / 64] >> (bit % 64) & 1U) != 0;
    });
    made.filter = Filter::bitmap(words);
  } else if (kind == 3) {
    const auto step = static_cast<Id>(1 + bytes.below(40));
    keep([step](Id id) { return id % step == 0; });
    made.filter = Filter::predicate([step](Id id) { return id % step == 0; });
  } else if (kind == 4) {
    const Label label = bytes.take<std::int8_t>() % 9;
    keep([label](Id id) { return label_of(id) == label; });
    made.filter = Filter::label(label);
  } else if (kind == 5) {
    std::vector<Label> labels(bytes.below(5));
    for (Label& label : labels) label = bytes.take<std::int8_t>();
    keep([&](Id id) {
      return std::find(labels.begin(), labels.end(), label_of(id)) != labels.end();
    });
    made.filter = Filter::any_label(labels);
  }
  return made;
}

Expected tree(Bytes& bytes, std::vector<std::vector<std::uint64_t>>& bitmaps, int depth) {
  const std::size_t kind = depth == 0 ? 0 : bytes.below(4);
  if (kind == 0) return leaf(bytes, bitmaps);
  Expected made = tree(bytes, bitmaps, depth - 1);
  if (kind == 1) {
    made.allowed.flip();
    made.filter = ~std::move(made.filter);
    return made;
  }
  Expected other = tree(bytes, bitmaps, depth - 1);
  for (std::size_t id = 0; id < id_limit; ++id)
    made.allowed[id] =
        kind == 2 ? made.allowed[id] && other.allowed[id] : made.allowed[id] || other.allowed[id];
  made.filter = kind == 2 ? std::move(made.filter) & std::move(other.filter)
                          : std::move(made.filter) | std::move(other.filter);
  return made;
}

/// Items with even ids, some of them removed, some with equal rows.
std::unique_ptr<vecinal::Index> make(vecinal::Config config) {
  config.dim = dim;
  config.build_beam = 12;
  config.threads = 1;
  auto index = vecinal::make_index(config);
  std::vector<float> rows(items * dim);
  std::vector<Id> ids(items);
  std::vector<Label> labels(items);
  for (std::size_t i = 0; i < items; ++i) {
    ids[i] = static_cast<Id>(2 * i);
    labels[i] = label_of(ids[i]);
    for (std::size_t d = 0; d < dim; ++d)
      rows[i * dim + d] = static_cast<float>((i / 2 * (d + 3) + d * d) % 13) - 6.0F;
  }
  vecinal::Batch batch{.data = rows.data(), .count = items, .dim = dim};
  batch.labels = {labels, {}};
  index->add(batch, ids);
  index->remove(std::vector<Id>{0, 2, 4, 100, 178});
  return index;
}

void require(bool condition) {
  if (!condition) std::abort();
}

void search(const vecinal::Index& index, const std::vector<bool>& allowed,
            const vecinal::SearchParams& params, std::span<const float> query) {
  std::size_t there = 0;
  for (std::size_t id = 0; id < id_limit; ++id)
    there += allowed[id] && index.contains(static_cast<Id>(id)) ? 1 : 0;
  const auto hits = index.search({.data = query.data(), .count = 1, .dim = dim}, params);
  require(hits.counts[0] == std::min(params.k, there));
  std::set<Id> seen;
  for (std::size_t i = 0; i < hits.counts[0]; ++i) {
    const Id id = hits.ids[i];
    require(id >= 0 && static_cast<std::size_t>(id) < id_limit);
    require(allowed[static_cast<std::size_t>(id)] && index.contains(id));
    require(seen.insert(id).second);
    require(i == 0 || hits.distances[i - 1] <= hits.distances[i]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto split = make({.degree = 4});
  static const auto fused =
      make({.encoding = vecinal::Encoding::lvq8x8, .layout = vecinal::Layout::fused, .degree = 32});
  static const auto flat = make({.graph = vecinal::GraphKind::none});
  Bytes bytes(data, size);
  const vecinal::Index& index = *std::vector{&split, &fused, &flat}[bytes.below(3)]->get();
  std::vector<float> query(dim);
  for (float& value : query) value = static_cast<float>(bytes.take<std::int8_t>());
  std::vector<std::vector<std::uint64_t>> bitmaps;
  bitmaps.reserve(64);  // filters look at them
  const std::size_t k = bytes.below(120);
  const std::size_t beam = bytes.below(70);
  const auto plan = static_cast<vecinal::Plan>(bytes.below(5));
  const bool exact = bytes.below(4) == 0;
  Expected expected = tree(bytes, bitmaps, 4);
  try {
    search(
        index, expected.allowed,
        {.k = k, .beam = beam, .filter = std::move(expected.filter), .plan = plan, .exact = exact},
        query);
  } catch (const std::invalid_argument&) {
    require(k == 0 || plan == vecinal::Plan::walk || plan == vecinal::Plan::inside ||
            plan == vecinal::Plan::bridge);
  }
  return 0;
}
