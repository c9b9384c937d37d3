/// Indexes of all kinds, on the CPU and on a device.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal::test {

struct IndexCase {
  Config config;
  const char* name;
};

inline std::vector<IndexCase> index_cases() {
  return {
      {{.dim = 24}, "f32_l2"},
      {{.dim = 24, .metric = Metric::inner_product}, "f32_ip"},
      {{.dim = 33, .metric = Metric::cosine, .encoding = Encoding::f16}, "f16_cosine"},
      {{.dim = 40, .encoding = Encoding::lvq8}, "lvq8_l2"},
      {{.dim = 40, .metric = Metric::inner_product, .encoding = Encoding::lvq4}, "lvq4_ip"},
      {{.dim = 40, .metric = Metric::cosine, .encoding = Encoding::lvq4x8}, "lvq4x8_cosine"},
      {{.dim = 40, .encoding = Encoding::lvq8x8, .reduction = Reduction::pca, .reduced_dim = 16},
       "lvq8x8_pca"},
      {{.dim = 40, .encoding = Encoding::lvq8, .keep = Keep::f32}, "lvq8_keep_f32"},
      {{.dim = 40, .encoding = Encoding::lvq8, .layout = Layout::fused, .degree = 32}, "fused"},
      {{.dim = 70,
        .metric = Metric::cosine,
        .encoding = Encoding::lvq8x8,
        .reduction = Reduction::pca,
        .reduced_dim = 44,
        .layout = Layout::fused,
        .degree = 64},
       "fused_lvq8x8_pca"},
      {{.dim = 40,
        .metric = Metric::inner_product,
        .encoding = Encoding::lvq4x8,
        .layout = Layout::fused,
        .degree = 32},
       "fused_lvq4x8_ip"},
      {{.dim = 40, .encoding = Encoding::lvq8, .graph = GraphKind::none}, "flat"},
  };
}

inline std::unique_ptr<Index> made(const Config& config, const Rows& rows) {
  auto index = make_index(config);
  index->add(rows.batch());
  return index;
}

inline std::unique_ptr<Index> moved(const Index& index, Device device) {
  return load_index(index.to_bytes(), {.device = device});
}

inline bool float_rows(const Config& config) {
  return config.encoding == Encoding::f32 || config.encoding == Encoding::f16 ||
         config.keep != Keep::none;
}

/// Codes: the same ids and distances. Floats: distances within their rounding.
inline void expect_alike(const Neighbors& found, const Neighbors& expected, bool floats) {
  ASSERT_EQ(found.counts, expected.counts);
  if (!floats) {
    EXPECT_EQ(found.ids, expected.ids);
  }
  for (std::size_t i = 0; i < found.distances.size(); ++i) {
    const float distance = expected.distances[i];
    if (std::isfinite(distance))
      ASSERT_NEAR(found.distances[i], distance, floats ? 1e-4F * (1 + std::fabs(distance)) : 0);
    else
      ASSERT_EQ(found.distances[i], distance);
  }
}

inline Config small(Config config) {
  config.build_beam = 40;
  if (config.layout != Layout::fused) config.degree = 16;
  return config;
}

}  // namespace vecinal::test
