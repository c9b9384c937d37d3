// Files whose checksums are right and whose contents are not: each is refused with FormatError, or
// is an index that is sound all the same. What the checksums themselves catch: index_file_test.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <limits>

#include "support/data.hpp"
#include "support/file_parts.hpp"
#include "support/file_surgery.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using test::Bytes;
using test::file_of;
using test::Part;
using test::parts_of;

void expect_refused(const Bytes& file, const std::string& what) {
  EXPECT_THROW((void)load_index(file, {.threads = 1}), FormatError) << what;
}

/// Refused, or an index that answers as one: whole, with ids it holds and numbers in order.
void expect_refused_or_sound(const Bytes& file, const std::string& what) {
  std::unique_ptr<Index> index;
  try {
    index = load_index(file, {.threads = 1});
  } catch (const FormatError&) {
    return;
  }
  SCOPED_TRACE(what);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  const std::size_t dim = index->config().dim;
  const std::vector<float> query(dim, 0.5F);
  const Batch one{.data = query.data(), .count = 1, .dim = dim};
  for (const bool exact : {false, true}) {
    const Neighbors hits = index->search(one, {.k = 3, .exact = exact, .threads = 1});
    for (std::size_t i = 0; i < hits.counts[0]; ++i) {
      EXPECT_TRUE(index->contains(hits.ids[i]));
      EXPECT_FALSE(std::isnan(hits.distances[i]));
    }
  }
}

Batch labelled(const test::Rows& rows, const std::vector<Label>& labels) {
  Batch items = rows.batch();
  items.labels = {labels, {}};
  return items;
}

/// One of each kind of section, between the kinds.
Bytes file_of_kind(const std::string& kind) {
  const test::Rows rows = test::clustered(30, 3, 1);
  const test::Rows queries = test::clustered(30, 3, 2);
  std::vector<Label> labels(30);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<Label>(i % 4);
  Config config{.dim = 3, .degree = 4, .build_beam = 10, .seed = 5};
  if (kind == "flat") config.graph = GraphKind::none;
  if (kind == "trained") {
    config.encoding = Encoding::lvq4x8;
    config.reduction = Reduction::leanvec_ood;
    config.reduced_dim = 2;
  }
  if (kind == "fused") {
    config.encoding = Encoding::lvq8x8;
    config.layout = Layout::fused;
    config.degree = 32;
  }
  if (kind == "sets") {
    config.metric = Metric::chamfer;
    config.fde = {.k_sim = 1, .repetitions = 2};
    config.tokens = Encoding::lvq8x8;
  }
  const auto index = make_index(config);
  Batch items = labelled(rows, labels);
  const std::vector<std::size_t> offsets = {0, 4, 5, 11, 20, 21, 30};
  if (kind == "sets") {
    items.offsets = offsets;
    items.labels = {std::span(labels).first(6), {}};
  }
  index->train(items, queries.batch());
  index->add(items);
  index->remove(std::vector<Id>{2});
  return index->to_bytes();
}

class HostileSections : public ::testing::TestWithParam<const char*> {
 protected:
  const Bytes file_ = file_of_kind(GetParam());
  const std::vector<Part> parts_ = parts_of(file_);
};

TEST_P(HostileSections, TheFileItselfIsReadAndMadeAgain) {
  EXPECT_EQ(load_index(file_)->to_bytes(), file_);
  EXPECT_EQ(file_of(parts_), file_);
}

TEST_P(HostileSections, DroppedDoubledAndUnknownOnesAreRefused) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    auto fewer = parts_;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    expect_refused(file_of(fewer), "without " + parts_[i].tag);
    auto more = parts_;
    more.push_back(parts_[i]);
    expect_refused(file_of(more), "twice " + parts_[i].tag);
    auto renamed = parts_;
    renamed[i].tag = "unknown";
    expect_refused(file_of(renamed), "renamed " + parts_[i].tag);
  }
  auto more = parts_;
  more.push_back({"unknown", Bytes(8)});
  expect_refused(file_of(more), "one too many");
}

TEST_P(HostileSections, OtherSizesAreRefused) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const std::size_t size = parts_[i].data.size();
    for (const std::size_t other : {std::size_t{0}, size / 2, size - 1, size + 1, size + 4,
                                    size + 8, size + 64, 2 * size + 4096}) {
      if (other == size) continue;
      auto parts = parts_;
      parts[i].data.resize(other);
      expect_refused_or_sound(file_of(parts), parts_[i].tag + " of " + std::to_string(other));
    }
  }
}

TEST_P(HostileSections, ExchangedOnesAreRefusedOrSound) {
  for (std::size_t i = 0; i < parts_.size(); ++i)
    for (std::size_t j = i + 1; j < parts_.size(); ++j) {
      auto parts = parts_;
      std::swap(parts[i].data, parts[j].data);
      expect_refused_or_sound(file_of(parts), parts_[i].tag + " for " + parts_[j].tag);
    }
}

/// Every 32-bit word of every section takes values at and past all limits there are.
TEST_P(HostileSections, AnyWordMayHaveAnyValue) {
  const std::array<std::uint32_t, 14> values = {
      0,           1,           2,           28,          29,          30,          31,
      0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFEU, 0xFFFFFFFFU, 0x7FC00000U, 0x7F800000U, 0xFF7FFFFFU};
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    auto parts = parts_;
    // Row data by their beginning and end; all else whole.
    const std::size_t words = parts[i].data.size() / 4;
    for (std::size_t w = 0; w < words; ++w) {
      if (w >= 40 && w + 10 < words) continue;
      std::byte* at = parts[i].data.data() + w * 4;
      const auto before = test::read_at<std::uint32_t>(at);
      for (const std::uint32_t value : values) {
        std::memcpy(at, &value, sizeof value);
        expect_refused_or_sound(file_of(parts), parts_[i].tag + " word " + std::to_string(w) +
                                                    " = " + std::to_string(value));
      }
      std::memcpy(at, &before, sizeof before);
    }
  }
}

/// Entries of the table that lie about where a section is, and a header that lies about them.
TEST_P(HostileSections, TablesThatLieAreRefused) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t size = file_.size();
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    for (const std::size_t field : {16U, 24U}) {
      const std::size_t at = test::header_bytes + i * test::entry_bytes + field;
      const auto now = test::read_at<std::uint64_t>(file_.data() + at);
      for (const std::uint64_t value : {std::uint64_t{0}, now - 64, now + 64, now + 1, size,
                                        size - 1, size + 64, most, most - 63, most / 2 + 1}) {
        Bytes file = file_;
        std::memcpy(file.data() + at, &value, sizeof value);
        test::repair_checksums(file);
        expect_refused(file, parts_[i].tag + " field " + std::to_string(field) + " = " +
                                 std::to_string(value));
      }
    }
    Bytes file = file_;
    file[test::header_bytes + i * test::entry_bytes + 8] = std::byte{2};
    test::repair_checksums(file);
    expect_refused(file, "a version of tomorrow of " + parts_[i].tag);
  }
  for (const std::uint32_t sections : {0U, 1U, 255U, 257U, 0xFFFFFFFFU}) {
    Bytes file = file_;
    std::memcpy(file.data() + 24, &sections, sizeof sections);
    test::repair_checksums(file);
    expect_refused(file, std::to_string(sections) + " sections");
  }
  Bytes file = file_;
  file[8] = std::byte{2};
  test::repair_checksums(file);
  expect_refused(file, "a version of tomorrow");
}

INSTANTIATE_TEST_SUITE_P(Kinds, HostileSections,
                         ::testing::Values("plain", "flat", "trained", "fused", "sets"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace vecinal
