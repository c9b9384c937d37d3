// Encodings of sets on a device, against FdeEncoder.
#include "vecinal/fde.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "backend/backend_library.hpp"
#include "index/fde_tables.hpp"
#include "kernels/dispatch.hpp"
#include "multivector/cells.hpp"
#include "support/sets.hpp"

namespace vecinal::test {
namespace {

struct Case {
  const char* name;
  FdeParams params;
};

std::vector<Case> cases() {
  const auto dense = InnerProjection::dense;
  return {{"usual", {}},
          {"not_filled", {.k_sim = 4, .projected_dim = 5, .repetitions = 3, .fill_empty = false}},
          {"one_cell", {.k_sim = 0, .projected_dim = 3, .repetitions = 2}},
          {"ten_planes", {.k_sim = 10, .projected_dim = 2, .repetitions = 7}},
          {"not_projected", {.k_sim = 3, .projected_dim = 40, .repetitions = 2}},
          {"wide", {.k_sim = 3, .projected_dim = 37, .repetitions = 5}},
          {"dense", {.k_sim = 5, .projected_dim = 12, .projection = dense, .repetitions = 4}},
          {"sketch", {.k_sim = 4, .projected_dim = 8, .repetitions = 6, .final_dim = 100}},
          {"dense_sketch",
           {.k_sim = 2, .projected_dim = 6, .projection = dense, .repetitions = 9, .final_dim = 1}},
          {"large_cells", {.k_sim = 10, .projected_dim = 40, .repetitions = 1}}};
}

class FdeParity : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(AllParams, FdeParity, testing::ValuesIn(cases()),
                         [](const auto& made_of) { return std::string(made_of.param.name); });

/// Encodings of both sides by the CPU and by the device.
///
/// Sparse projections and sums have the same order: the same bits. Dense ones only where the CPU
/// fuses; else products of dim values are off by 2 dim * 2^-24 of the lengths, which are below 4
/// here, in each of a set's vectors and each of the values that a sketch adds up. A vector in
/// another cell would be off by far more.
void expect_same(const FdeEncoder& encoder, const Sets& sets) {
  const FdeTableArrays tables(encoder);
  const auto fde = cuda_backend().make_fde(tables.view());
  ASSERT_EQ(fde->encoded_dim(), encoder.encoded_dim());
  const SetsToEncode host{
      .vectors = sets.values.data(), .stride = sets.dim, .offsets = sets.offsets};
  const FdeParams& params = encoder.config().params;
  const bool dense = params.projection == InnerProjection::dense;
  std::vector<float> expected(sets.count() * encoder.encoded_dim());
  std::vector<float> found(expected.size(), NAN);
  for (const bool queries : {false, true}) {
    if (queries) {
      encoder.encode_queries(sets.batch(), expected);
      EXPECT_EQ(cuda_backend().encode_queries(*fde, host, found.data()), sets.offsets.back());
    } else {
      encoder.encode_documents(sets.batch(), expected);
      EXPECT_EQ(cuda_backend().encode_documents(*fde, host, found.data()), sets.offsets.back());
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const std::size_t set = i / encoder.encoded_dim();
      const bool same = !dense || (kernels::active().tile_queries > 2);
      const auto terms = static_cast<float>(params.final_dim == 0 ? 1 : tables.view().whole_dim());
      const auto slack = static_cast<float>(sets.size(set) * sets.dim) * 4 * 0x1p-23F * terms;
      ASSERT_NEAR(found[i], expected[i], same ? 0 : slack)
          << (queries ? "query " : "document ") << set << " value " << i % encoder.encoded_dim();
    }
  }
}

Sets ragged(std::size_t dim, std::uint32_t seed) {
  Sets sets{dim};
  for (const std::size_t size : {1U, 0U, 2U, 3U, 4U, 31U, 32U, 33U, 100U, 0U})
    sets.add(unit_vectors(size, dim, ++seed, 0.3F));
  return sets;
}

TEST_P(FdeParity, EncodingsAreThoseOfTheCpu) {
  const Sets sets = ragged(40, 1);
  FdeEncoder encoder({.dim = 40, .params = GetParam().params, .seed = 7, .threads = 1});
  expect_same(encoder, sets);
  static_cast<void>(encoder.train(sets.batch()));
  expect_same(encoder, sets);
}

TEST(FdeParity, OddDims) {
  for (const std::size_t dim : {1U, 3U, 16U, 17U, 130U, 1100U, 3000U}) {
    const std::size_t width = std::min<std::size_t>(dim, 9);
    FdeEncoder encoder({.dim = dim,
                        .params = {.k_sim = 3, .projected_dim = width, .repetitions = 11},
                        .threads = 1});
    Sets sets{dim};
    for (const std::uint32_t size : {1U, 40U}) sets.add(unit_vectors(size, dim, size, 0.2F));
    static_cast<void>(encoder.train(sets.batch()));
    expect_same(encoder, sets);
  }
}

/// Vectors of a plane, as near to it as float32 allows, and vectors of zeros: their float32
/// products have any sign.
TEST(FdeParity, VectorsNearAPlaneFallOnTheSameSide) {
  constexpr std::size_t dim = 24;
  const FdeEncoder encoder(
      {.dim = dim, .params = {.k_sim = 6, .projected_dim = 24, .repetitions = 4}, .threads = 1});
  const Cells cells(encoder.config());
  Sets sets{dim};
  for (std::size_t plane = 0; plane < cells.planes().rows(); ++plane) {
    const float* normal = cells.planes().row(plane);
    std::vector<float> vectors = unit_vectors(20, dim, static_cast<std::uint32_t>(plane));
    for (std::size_t i = 0; i < 20; ++i) {
      float* vector = vectors.data() + i * dim;
      const double share = dot(vector, normal, dim) / dot(normal, normal, dim);
      for (std::size_t d = 0; d < dim; ++d)
        vector[d] -= static_cast<float>(share * static_cast<double>(normal[d]));
    }
    vectors.insert(vectors.end(), dim, 0.0F);
    sets.add(vectors);
  }
  expect_same(encoder, sets);
}

TEST(FdeParity, MoreSetsThanALaunchTakes) {
  const FdeEncoder encoder(
      {.dim = 2, .params = {.k_sim = 1, .projected_dim = 1, .repetitions = 1}, .threads = 1});
  Sets sets{2};
  for (std::uint32_t i = 0; i < 17'000; ++i)
    sets.add({static_cast<float>(i), static_cast<float>(i % 7) - 3});
  expect_same(encoder, sets);
}

TEST(FdeParity, NoSets) {
  const FdeEncoder encoder({.dim = 8});
  const FdeTableArrays tables(encoder);
  const auto fde = cuda_backend().make_fde(tables.view());
  const std::vector<std::size_t> offsets{0};
  EXPECT_EQ(cuda_backend().encode_documents(*fde, {.stride = 8, .offsets = offsets}, nullptr), 0U);
  EXPECT_GT(fde->bytes(), 8 * sizeof(float));
}

}  // namespace
}  // namespace vecinal::test
