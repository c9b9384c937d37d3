#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

#include "support/sets.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using test::random_sets;
using test::Sets;
using test::small_config;

/// The message of the std::invalid_argument that a call throws.
template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(MultiVectorIndex, BadSetsAreNamedAndNothingIsAdded) {
  const auto index = make_index(small_config(8));
  Sets sets = random_sets(4, 8, 14);
  const auto add = [&](const Batch& batch) { return message_of([&] { index->add(batch); }); };
  Sets empty = sets;
  empty.add({});
  EXPECT_NE(add(empty.batch()).find("set 4 is empty"), std::string::npos);
  Sets broken = sets;
  broken.values[(broken.offsets[2] + 1) * 8 + 3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(add(broken.batch()).find("vector 1 of set 2 has a value that is not finite"),
            std::string::npos);
  broken = sets;
  broken.values[broken.offsets[1] * 8] = 1e30F;
  EXPECT_NE(add(broken.batch()).find("vector 0 of set 1 is too long"), std::string::npos);
  broken = sets;
  std::swap(broken.offsets[1], broken.offsets[2]);
  EXPECT_NE(add(broken.batch()).find("offset 2 is"), std::string::npos);
  broken = sets;
  Batch overrun = broken.batch();
  --overrun.count;
  EXPECT_NE(add(overrun).find("offsets must go from 0 to"), std::string::npos);
  const Sets other = random_sets(2, 7, 15);
  EXPECT_NE(add(other.batch()).find("7 dims"), std::string::npos);
  EXPECT_EQ(index->size(), 0U);
  EXPECT_FALSE(index->stats().trained);
  EXPECT_EQ(index->stats().vectors, 0U);
  index->add(sets.batch());
  const std::array<Id, 4> taken{7, 8, 2, 9};
  EXPECT_NE(message_of([&] { index->add(sets.batch(), taken); }).find("id 2"), std::string::npos);
  EXPECT_EQ(index->size(), 4U);
  EXPECT_EQ(index->stats().vectors, sets.offsets.back());
  EXPECT_NE(message_of([&] { (void)index->search(empty.batch()); }).find("set 4 is empty"),
            std::string::npos);
  EXPECT_NE(
      message_of([&] { (void)index->search(sets.batch(), {.carving = 1.5F}); }).find("carving"),
      std::string::npos);
  EXPECT_NE(message_of([&] { index->train(sets.batch()); }).find("4 sets already"),
            std::string::npos);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
}

TEST(MultiVectorIndex, BadConfigsAreNamed) {
  const auto refused = [](const Config& config) {
    return message_of([&] { (void)make_index(config); });
  };
  Config config = small_config(8);
  config.tokens = Encoding::lvq4;
  EXPECT_NE(refused(config).find("tokens must be f32, f16, lvq8 or lvq8x8"), std::string::npos);
  config = small_config(8);
  config.pooling = 0;
  EXPECT_NE(refused(config).find("pooling"), std::string::npos);
  config = small_config(8);
  config.fde = {.k_sim = 10, .projected_dim = 8, .repetitions = 100};
  EXPECT_NE(refused(config).find("use final_dim"), std::string::npos);
  config.fde.final_dim = 1024;
  EXPECT_NO_THROW((void)make_index(config));
  EXPECT_NE(refused({.dim = 8, .metric = Metric::chamfer, .fde = {.k_sim = 30}}).find("k_sim"),
            std::string::npos);
}

TEST(MultiVectorIndex, SingleVectorsRefuseSets) {
  const auto index = make_index({.dim = 8});
  const Sets sets = random_sets(4, 8, 16);
  EXPECT_NE(message_of([&] { index->add(sets.batch()); }).find("chamfer"), std::string::npos);
  EXPECT_NE(message_of([&] { (void)index->search(sets.batch()); }).find("chamfer"),
            std::string::npos);
}

}  // namespace
}  // namespace vecinal
