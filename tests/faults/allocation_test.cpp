// Searches use the scratch of earlier ones: what they allocate does not grow with the queries.
#include <gtest/gtest.h>

#include "faults/allocations.hpp"
#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

TEST(Allocations, DoNotGrowWithTheQueriesOnceWarm) {
  const test::Rows rows = test::clustered(800, 40, 1);
  const test::Rows queries = test::clustered(128, 40, 2);
  for (const Layout layout : {Layout::split, Layout::fused})
    for (const Encoding encoding : {Encoding::lvq8, Encoding::lvq4x8}) {
      const auto index = make_index({.dim = 40,
                                     .metric = Metric::cosine,
                                     .encoding = encoding,
                                     .layout = layout,
                                     .build_beam = 40,
                                     .threads = 1});
      index->add(rows.batch());
      const auto count = [&](std::size_t asked) {
        const std::size_t before = test::allocations();
        (void)index->search(queries.part(0, asked), {.k = 10, .beam = 40});
        return test::allocations() - before;
      };
      for (int warm = 0; warm < 6; ++warm) (void)count(warm % 2 == 0 ? 128 : 64);
      const std::size_t few = count(64);
      EXPECT_EQ(count(128), few) << name(layout) << " " << name(encoding);
      EXPECT_LE(few, 12U) << name(layout) << " " << name(encoding);
    }
}

}  // namespace
}  // namespace vecinal
