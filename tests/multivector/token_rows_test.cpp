#include "multivector/token_rows.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "support/sets.hpp"

namespace vecinal {
namespace {

TEST(TokenRows, NoSetsChangeNothing) {
  TokenRows tokens(4, Encoding::f32, std::vector<float>(4));
  tokens.assign(std::vector<Slot>{0}, test::random_sets(1, 4, 1).batch(), 1);
  const std::size_t rows = tokens.size();
  tokens.assign({}, {.dim = 4}, 1);
  EXPECT_EQ(tokens.size(), rows);
  EXPECT_EQ(tokens.extents().size(), 1U);
}

TEST(TokenRows, AVectorThatTheEncodingCannotHoldIsNamedAndNothingIsAdded) {
  test::Sets sets = test::random_sets(3, 4, 2);
  for (const Encoding encoding : {Encoding::f16, Encoding::f32}) {
    TokenRows tokens(4, encoding, std::vector<float>(4));
    test::Sets wide = sets;
    wide.values[(wide.offsets[2] + 1) * 4 + 3] = 1e5F;
    const auto assign = [&](const Batch& batch) {
      tokens.assign(std::vector<Slot>{0, 1, 2}, batch, 2);
    };
    if (encoding == Encoding::f32) {
      EXPECT_NO_THROW(assign(wide.batch()));
      continue;
    }
    try {
      assign(wide.batch());
      ADD_FAILURE() << "f16 holds 1e5";
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(
          std::string(error.what()).rfind("add: vector 1 of set 2 has a value out of range", 0), 0U)
          << error.what();
    }
    EXPECT_EQ(tokens.size(), 0U);
    assign(sets.batch());
    EXPECT_EQ(tokens.size(), sets.offsets.back());
  }
}

}  // namespace
}  // namespace vecinal
