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

/// Vectors of all sets, one after another.
std::vector<float> decoded(const TokenRows& tokens) {
  std::vector<float> all;
  for (std::size_t set = 0; set < tokens.sets(); ++set) {
    std::vector<float> vectors(tokens.extent(set).size() * tokens.dim());
    tokens.decode(set, vectors);
    all.insert(all.end(), vectors.begin(), vectors.end());
  }
  return all;
}

TEST(TokenRows, BothLevelsAreCopiedExchangedReleasedAndTakenBack) {
  const test::Sets sets = test::random_sets(3, 20, 4);
  const std::vector<Slot> numbers{0, 1, 2};
  TokenRows tokens(20, Encoding::lvq8x8, std::vector<float>(20, 0.01F));
  tokens.assign(numbers, sets.batch(), 2);
  ASSERT_NE(tokens.rest(), nullptr);
  EXPECT_EQ(tokens.bytes_of_row(), tokens.rows().stride() + tokens.rest()->stride());
  const std::vector<float> stored = decoded(tokens);
  for (std::size_t i = 0; i < stored.size(); ++i) EXPECT_NEAR(stored[i], sets.values[i], 1e-4);

  TokenRows copied(20, Encoding::lvq8x8, tokens.mean());
  copied.copy(tokens, std::vector<Slot>{1, 2}, {});
  tokens.swap(copied);
  EXPECT_EQ(decoded(copied), stored);
  const auto second = static_cast<std::ptrdiff_t>(sets.offsets[1] * 20);
  EXPECT_EQ(decoded(tokens), std::vector<float>(stored.begin() + second, stored.end()));

  TokenRows::Mark before = copied.mark();
  copied.assign(std::vector<Slot>{3, 4, 5}, sets.batch(), 2);
  copied.take_back(std::move(before), std::vector<Slot>{3, 4, 5});
  EXPECT_EQ(decoded(copied), stored);
  copied.release(std::vector<Slot>{0});
  for (Slot row = 0; row < sets.offsets[1]; ++row)
    for (const Storage* level : {&copied.rows(), copied.rest()})
      for (std::size_t byte = 0; byte < level->stride(); ++byte)
        EXPECT_EQ(level->row(row)[byte], std::byte{0});
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
