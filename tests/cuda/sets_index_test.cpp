// Indexes of sets of vectors on a device answer as those on the CPU do.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "device_memory.hpp"
#include "support/sets.hpp"
#include "vecinal/index.hpp"

namespace vecinal::test {
namespace {

struct Case {
  std::string name;
  Config config;
};

/// Encodings of few values, as the emulation is slow.
Config quick_config(std::size_t dim) {
  Config config = small_config(dim);
  config.fde = {.k_sim = 2, .projected_dim = 6, .repetitions = 6};
  config.build_beam = 20;
  return config;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Encoding tokens : {Encoding::f32, Encoding::f16, Encoding::lvq8, Encoding::lvq8x8}) {
    Config config = quick_config(24);
    config.tokens = tokens;
    all.push_back({std::string(name(tokens)), config});
  }
  Config other = quick_config(33);
  other.encoding = Encoding::lvq4x8;
  other.fde.final_dim = 90;
  other.pooling = 2;
  all.push_back({"pooled_sketch", other});
  return all;
}

class SetsOnDevice : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Parity, SetsOnDevice, testing::ValuesIn(cases()),
                         [](const auto& made_of) { return made_of.param.name; });

std::unique_ptr<Index> on(Device device, Config config, const Sets& sets) {
  config.device = device;
  auto index = make_index(config);
  index->add(sets.batch());
  return index;
}

/// Encodings are codes and have the same bits, and so the same candidates; so have similarities,
/// where the CPU fuses multiply-adds, else they are off by 2 dim * 2^-24 a product.
void expect_alike(const Neighbors& found, const Neighbors& expected) {
  ASSERT_EQ(found.counts, expected.counts);
  EXPECT_EQ(found.ids, expected.ids);
  for (std::size_t i = 0; i < found.distances.size(); ++i)
    if (expected.ids[i] != no_id) {
      EXPECT_NEAR(found.distances[i], expected.distances[i], 1e-4F);
    }
}

TEST_P(SetsOnDevice, SearchesFindWhatTheCpuFinds) {
  const Config config = GetParam().config;
  const Sets documents = random_sets(150, config.dim, 1, 0.3F);
  const Sets queries = queries_near(documents, 5, 2, 0.4F);
  const auto cpu = on(Device::cpu, config, documents);
  const auto device = on(Device::cuda, config, documents);
  for (const SearchParams& params :
       {SearchParams{.k = 5}, SearchParams{.k = 3, .candidates = 80, .carving = 0.6F},
        SearchParams{.k = 7, .exact = true}, SearchParams{.k = 200},
        SearchParams{.k = 4, .filter = Filter::predicate([](Id id) { return id % 3 == 0; })}})
    expect_alike(device->search(queries.batch(), params), cpu->search(queries.batch(), params));
  const std::vector<Id> candidates{3, 1, 4, 1, 5, 149, 148, 20, 999, 7};
  expect_alike(device->rerank(queries.batch(), candidates, {.k = 2}),
               cpu->rerank(queries.batch(), candidates, {.k = 2}));
  EXPECT_EQ(device->to_bytes(), cpu->to_bytes());
  EXPECT_EQ(cpu->stats().bytes_device, 0U);
  EXPECT_GT(device->stats().bytes_device, device->stats().bytes_tokens / 2);
}

TEST_P(SetsOnDevice, LaterSetsAreFoundAtOnceAndRemovedOnesAreNot) {
  const Config config = GetParam().config;
  const Sets documents = random_sets(60, config.dim, 3);
  auto index = on(Device::cuda, config, documents);
  index = load_index(index->to_bytes(), {.device = Device::cuda});
  for (std::uint32_t round = 0; round < 3; ++round) {
    const Sets more = random_sets(8, config.dim, 10 + round);
    const std::vector<Id> ids = index->add(more.batch());
    const Neighbors hits = index->search(more.batch(), {.k = 1, .candidates = 40});
    for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(hits.ids[i], ids[i]);
    index->remove({&ids[4], 1});
    EXPECT_NE(index->search(more.batch(), {.k = 1, .exact = true}).ids[4], ids[4]);
  }
  index->retrain();
  const Neighbors hits = index->search(documents.batch(), {.k = 1, .candidates = 40});
  for (std::size_t i = 0; i < documents.count(); ++i) EXPECT_EQ(hits.ids[i], static_cast<Id>(i));
}

/// Learning encodes there too: a sample of documents and queries, of single vectors and of none.
TEST(SetsOnDevice, LearnsWhatTheCpuLearns) {
  Config config = quick_config(24);
  config.reduction = Reduction::leanvec_ood;
  config.reduced_dim = 40;
  Sets documents = random_sets(120, 24, 7);
  const Sets queries = queries_near(documents, 40, 8, 0.4F);
  const Batch singles{.data = documents.values.data(), .count = 90, .dim = 24};
  std::vector<std::byte> bytes[2];
  for (const Device device : {Device::cpu, Device::cuda}) {
    config.device = device;
    const auto index = make_index(config);
    index->train(documents.batch(), queries.batch());
    index->add(singles);
    index->retrain(queries.batch());
    index->add(documents.batch());
    bytes[device == Device::cuda ? 1 : 0] = index->to_bytes();
  }
  EXPECT_TRUE(bytes[0] == bytes[1]);
}

TEST(SetsOnDevice, WithoutMemoryNothingIsLearned) {
  if (cuda_device_name() != "emulation") GTEST_SKIP() << "only the emulation runs out of memory";
  const Sets documents = random_sets(50, 16, 6);
  Config config = quick_config(16);
  config.device = Device::cuda;
  const auto index = make_index(config);
  {
    const LittleMemory memory(300);
    EXPECT_THROW(index->add(documents.batch()), CudaError);
    EXPECT_THROW(index->train(documents.batch()), CudaError);
  }
  EXPECT_EQ(index->size(), 0U);
  EXPECT_FALSE(index->stats().trained);
  index->add(documents.batch());
  EXPECT_TRUE(index->to_bytes() == on(Device::cpu, config, documents)->to_bytes());
}

TEST(SetsOnDevice, VectorsThatGrowNeedNotBeThereTwice) {
  if (cuda_device_name() != "emulation") GTEST_SKIP() << "only the emulation runs out of memory";
  constexpr std::size_t dim = 256;
  constexpr std::size_t vectors = 40;  // of a set
  const std::vector<float> values = unit_vectors(60 * vectors, dim, 7);
  const auto some = [&](std::size_t first, const std::vector<std::size_t>& offsets) {
    return Batch{.data = values.data() + first * vectors * dim,
                 .count = offsets.back(),
                 .dim = dim,
                 .offsets = offsets};
  };
  const std::vector<std::size_t> one{0, vectors};
  const std::vector<std::size_t> three{0, vectors, 2 * vectors, 3 * vectors};
  Config config = quick_config(dim);
  config.tokens = Encoding::f32;
  config.device = Device::cuda;
  const auto index = make_index(config);
  const LittleMemory memory(values.size() * sizeof(float) * 4 / 3, LittleMemory::all);
  for (std::size_t first = 0; first < 60; first += 3) {
    index->add(some(first, three));
    if (first != 27 && first != 57) continue;  // half of the sets are there, or all
    EXPECT_EQ(index->search(some(first, one), {.k = 1, .exact = true}).ids[0],
              static_cast<Id>(first));
  }
}

TEST(SetsOnDevice, SearchesRunBesideAWriter) {
  Config config = quick_config(16);
  const Sets documents = random_sets(12, 16, 5);
  const auto index = on(Device::cuda, config, documents);
  std::thread writer([&] {
    for (std::uint32_t round = 0; round < 8; ++round) {
      const Sets more = random_sets(10, 16, 20 + round);
      index->add(more.batch());
    }
  });
  for (int i = 0; i < 8; ++i) {
    const Neighbors hits = index->search(documents.batch(), {.k = 1, .candidates = 40});
    for (std::size_t set = 0; set < documents.count(); ++set)
      EXPECT_EQ(hits.ids[set], static_cast<Id>(set));
  }
  writer.join();
  EXPECT_EQ(index->size(), 92U);
}

TEST(SetsOnDevice, WithoutMemoryTheIndexGoesOnOnTheCpu) {
  if (cuda_device_name() != "emulation") GTEST_SKIP() << "only the emulation runs out of memory";
  const Sets documents = random_sets(50, 16, 6);
  const Config config = quick_config(16);
  const auto index =
      load_index(on(Device::cpu, config, documents)->to_bytes(), {.device = Device::cuda});
  {
    const LittleMemory memory(300);
    EXPECT_THROW(static_cast<void>(index->search(documents.batch(), {.k = 1})), CudaError);
    EXPECT_THROW(index->add(documents.batch()), CudaError);
    EXPECT_EQ(index->size(), 50U);
  }
  EXPECT_EQ(index->search(documents.batch(), {.k = 1, .exact = true}).ids[7], 7);
  EXPECT_EQ(load_index(index->to_bytes())->search(documents.batch(), {.k = 1}).ids[7], 7);
}

}  // namespace
}  // namespace vecinal::test
