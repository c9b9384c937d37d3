// Queries that take turns over split rows.
#include <gtest/gtest.h>

#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal::test {
namespace {

std::vector<Config> configs() {
  return {{.dim = 30, .metric = Metric::inner_product},
          {.dim = 30, .metric = Metric::cosine, .encoding = Encoding::f16},
          {.dim = 30, .encoding = Encoding::lvq8, .keep = Keep::f32},
          {.dim = 30, .encoding = Encoding::lvq4x8},
          {.dim = 30, .encoding = Encoding::lvq8, .reduction = Reduction::pca, .reduced_dim = 12}};
}

/// The answers do not depend on who shares a thread with whom.
TEST(SplitSearch, ABatchIsAnsweredAsEachQueryAlone) {
  const Rows rows = clustered(900, 30, 1);
  const Rows queries = clustered(23, 30, 2);
  for (Config config : configs()) {
    config.build_beam = 40;
    config.degree = 16;
    const auto index = make_index(config);
    index->add(rows.batch());
    for (const bool with_removed : {false, true}) {
      if (with_removed) {
        std::vector<Id> gone;
        for (Id id = 0; id < 900; id += 4) gone.push_back(id);
        index->remove(gone);
      }
      for (const unsigned threads : {1U, 3U}) {
        const SearchParams params{.k = 7, .beam = 20, .rerank = 33, .threads = threads};
        const Neighbors together = index->search(queries.batch(), params);
        std::uint64_t hops = 0;
        for (std::size_t q = 0; q < queries.count; ++q) {
          const Neighbors alone = index->search(queries.part(q, 1), params);
          ASSERT_TRUE(std::equal(alone.ids.begin(), alone.ids.end(), together.ids_of(q).begin()));
          ASSERT_TRUE(std::equal(alone.distances.begin(), alone.distances.end(),
                                 together.distances_of(q).begin()));
          hops += alone.stats.hops;
        }
        EXPECT_EQ(together.stats.hops, hops);
      }
    }
  }
}

}  // namespace
}  // namespace vecinal::test
