// Chamfer similarities on a device, against ChamferQuery.
#include "multivector/chamfer.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include <limits>
#include <memory>
#include <string>

#include "backend/backend_library.hpp"
#include "backend/query_block.hpp"
#include "backend/set_queries.hpp"
#include "kernels/dispatch.hpp"
#include "support/sets.hpp"

namespace vecinal::test {
namespace {

/// Stored sets on the host and on the device.
struct Stored {
  Stored(const Sets& documents, Encoding encoding)
      : tokens(documents.dim, encoding, std::vector<float>(documents.dim, 0.1F)) {
    std::vector<Slot> numbers(documents.count());
    std::iota(numbers.begin(), numbers.end(), Slot{0});
    tokens.assign(numbers, documents.batch(), 1);
    copy = cuda_backend().make_rows(device_format(tokens.rows()), nullptr);
    copy->put(0, tokens.size(), tokens.rows().row(0), tokens.rows().stride());
  }

  TokenRows tokens;
  std::unique_ptr<DeviceRows> copy;
};

/// Scores of all sets in `lists` of each query.
std::vector<float> on_device(const Stored& stored, const Sets& queries,
                             const std::vector<std::vector<Slot>>& lists, float carving = 0) {
  SetQueryArrays arrays(stored.tokens.rows());
  std::vector<RowRange> sets;
  std::vector<std::size_t> ends;
  for (std::size_t q = 0; q < queries.count(); ++q) {
    const ChamferVectors made = chamfer_vectors(stored.tokens, queries.batch(), queries.offsets[q],
                                                queries.offsets[q + 1], carving);
    arrays.add(made.values, made.mean_product);
    for (const Slot set : lists[q]) {
      const auto [begin, end] = stored.tokens.extent(set);
      sets.push_back({begin, end});
    }
    ends.push_back(sets.size());
  }
  std::vector<float> scores(sets.size());
  cuda_backend().chamfer(*stored.copy, arrays.block(sets, ends), scores);
  return scores;
}

class ChamferParity : public testing::TestWithParam<Encoding> {
 protected:
  /// Compares with the CPU. Where it fuses multiply-adds, as the device does, the bits are the
  /// same; else each of a query's products is off by 2 dim * 2^-24 of the lengths, at most 2 here.
  /// Products with float16 are off by 2^-21 of the lengths besides, which may be large where the
  /// scores are.
  void expect_cpu_scores(const Stored& stored, const Sets& queries,
                         const std::vector<std::vector<Slot>>& lists, float carving = 0) const {
    const std::vector<float> scores = on_device(stored, queries, lists, carving);
    const bool fused = kernels::active().tile_queries > 2;
    ChamferScratch scratch(stored.tokens);
    std::size_t at = 0;
    for (std::size_t q = 0; q < queries.count(); ++q) {
      const ChamferQuery query(stored.tokens, queries.batch(), queries.offsets[q],
                               queries.offsets[q + 1], carving);
      const bool halves = GetParam() == Encoding::f16;
      const auto size = static_cast<float>(queries.size(q));
      const float slack = size * static_cast<float>(queries.dim) * 0x1p-21F;
      for (const Slot set : lists[q]) {
        const auto [begin, end] = stored.tokens.extent(set);
        const float expected =
            begin == end ? std::numeric_limits<float>::lowest() : query.score(set, scratch);
        const float off = halves ? slack + (size + std::fabs(expected)) * 0x1p-15F : slack;
        ASSERT_NEAR(scores[at], expected, begin == end || (fused && !halves) ? 0 : off)
            << "dim " << queries.dim << " query " << q << " set " << set;
        ++at;
      }
    }
    ASSERT_EQ(at, scores.size());
  }
};

INSTANTIATE_TEST_SUITE_P(AllTokens, ChamferParity,
                         testing::Values(Encoding::f32, Encoding::f16, Encoding::lvq8),
                         [](const auto& tokens) { return std::string(name(tokens.param)); });

Sets sets_of(std::size_t dim, const std::vector<std::size_t>& sizes, std::uint32_t seed) {
  Sets sets{dim};
  for (const std::size_t size : sizes) sets.add(unit_vectors(size, dim, ++seed, 0.3F));
  return sets;
}

TEST_P(ChamferParity, ScoresAreThoseOfTheCpu) {
  for (const std::size_t dim : {1U, 7U, 31U, 32U, 33U, 96U, 130U}) {
    const Sets documents = sets_of(dim, {1, 3, 0, 15, 16, 17, 31, 32, 33, 70}, 100);
    const Sets queries = sets_of(dim, {1, 7, 0, 32, 33, 2}, 200);
    const Stored stored(documents, GetParam());
    // Ragged lists, longer than a block takes, in any order, with repeats; one is empty.
    expect_cpu_scores(stored, queries,
                      {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
                       {9, 3, 3},
                       {5, 2},
                       {},
                       {8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 9, 9, 0, 0, 0, 1, 2},
                       {4}});
  }
}

TEST_P(ChamferParity, ManyDimsAndLongQueries) {
  const Sets documents = sets_of(1100, {5, 40}, 300);
  expect_cpu_scores(Stored(documents, GetParam()), sets_of(1100, {3, 70}, 400), {{0, 1}, {1, 0}});
  // A panel that no block of a card can hold.
  const Sets wide = sets_of(4000, {2, 3}, 500);
  expect_cpu_scores(Stored(wide, GetParam()), sets_of(4000, {2}, 600), {{1, 0}});
}

TEST_P(ChamferParity, LengthsMayDifferAndValuesMayBeLarge) {
  const auto scaled = [](Sets sets) {
    for (std::size_t i = 0; i < sets.values.size(); ++i)
      sets.values[i] *= static_cast<float>(1U << (i / sets.dim % 9));
    return sets;
  };
  const Sets documents = scaled(sets_of(40, {20, 9, 33}, 700));
  const Stored stored(documents, GetParam());
  const std::vector<float> scores = on_device(stored, scaled(sets_of(40, {19}, 800)), {{0, 1, 2}});
  ChamferScratch scratch(stored.tokens);
  const Sets query = scaled(sets_of(40, {19}, 800));
  const ChamferQuery prepared(stored.tokens, query.batch(), 0, 19, 0);
  // float16: 2^-21 of the products of lengths up to 2^8.
  const float slack = GetParam() == Encoding::f16 ? 19 * 0x1p16F * 0x1p-21F : 0;
  for (std::size_t set = 0; set < 3; ++set) {
    const float expected = prepared.score(set, scratch);
    EXPECT_NEAR(scores[set], expected, slack + 4 * 0x1p-24F * std::fabs(expected));
  }

  Sets huge{8};
  huge.add(std::vector<float>(3 * 8, 0.0F));
  huge.add(std::vector<float>(2 * 8, GetParam() == Encoding::f16 ? 6e4F : 1e18F));
  Sets large{8};
  std::vector<float> values(8, 1e18F);
  values.insert(values.end(), 8, -1e18F);
  values.insert(values.end(), 8, 0.0F);
  large.add(values);
  expect_cpu_scores(Stored(huge, GetParam()), large, {{0, 1}});
}

TEST_P(ChamferParity, VectorsThatAreAlikeAreSummedFirst) {
  const Sets documents = sets_of(24, {30, 12, 50}, 900);
  expect_cpu_scores(Stored(documents, GetParam()), sets_of(24, {40, 6}, 1000), {{0, 1, 2}, {2}},
                    0.1F);
}

TEST(ChamferParity, MoreQueriesThanALaunchTakes) {
  const Stored stored(sets_of(2, {2, 1}, 1), Encoding::lvq8);
  Sets queries{2};
  std::vector<std::vector<Slot>> lists;
  for (std::uint32_t i = 0; i < 17'000; ++i) {
    queries.add({static_cast<float>(i % 11), static_cast<float>(i % 7) - 3});
    lists.push_back(i % 100 == 0 || i > 16'380 ? std::vector<Slot>{i % 2} : std::vector<Slot>{});
  }
  const std::vector<float> scores = on_device(stored, queries, lists);
  ChamferScratch scratch(stored.tokens);
  std::size_t at = 0;
  for (std::size_t q = 0; q < queries.count(); ++q)
    for (const Slot set : lists[q]) {
      const ChamferQuery query(stored.tokens, queries.batch(), q, q + 1, 0);
      EXPECT_FLOAT_EQ(scores[at++], query.score(set, scratch)) << q;
    }
}

TEST_P(ChamferParity, NoQueriesAndNoSets) {
  const Stored stored(sets_of(16, {4}, 1), GetParam());
  EXPECT_TRUE(on_device(stored, Sets{16}, {}).empty());
  EXPECT_TRUE(on_device(stored, sets_of(16, {2}, 2), {{}}).empty());
}

}  // namespace
}  // namespace vecinal::test
