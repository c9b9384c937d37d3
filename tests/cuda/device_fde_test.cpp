// Encodings of sets that are in memory of the device, against FdeEncoder.
#include "vecinal/device_fde.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "device_memory.hpp"
#include "support/sets.hpp"

namespace vecinal::test {
namespace {

/// Sets on the device, `stride` floats from one vector to the next, from the address `shift` floats
/// behind an aligned one.
class OnDevice {
 public:
  explicit OnDevice(const Sets& sets, std::size_t stride, std::size_t shift = 0)
      : batch_{.count = sets.offsets.back(),
               .dim = sets.dim,
               .stride = stride,
               .offsets = sets.offsets},
        memory_(spread(sets, stride, shift)) {
    batch_.data = memory_.data() + shift;
  }

  [[nodiscard]] const DeviceBatch& batch() const { return batch_; }

 private:
  static std::vector<float> spread(const Sets& sets, std::size_t stride, std::size_t shift) {
    std::vector<float> wide(shift + sets.offsets.back() * stride, NAN);
    for (std::size_t i = 0; i < sets.offsets.back(); ++i)
      std::copy_n(sets.vector(i), sets.dim, wide.data() + shift + i * stride);
    return wide;
  }

  DeviceBatch batch_;
  DeviceArray<float> memory_;
};

Sets ragged(std::size_t dim) {
  Sets sets{dim};
  std::uint32_t seed = 3;
  for (const std::size_t size : {1U, 0U, 33U, 5U, 64U, 0U})
    sets.add(unit_vectors(size, dim, ++seed, 0.3F));
  return sets;
}

std::vector<FdeParams> kinds() {
  return {{.repetitions = 3},
          {.k_sim = 0, .projected_dim = 3, .repetitions = 2},
          {.k_sim = 3, .projected_dim = 16, .repetitions = 2, .final_dim = 50},
          {.k_sim = 10, .projected_dim = 16, .repetitions = 3, .fill_empty = false}};
}

void expect_same(const FdeEncoder& encoder, const Sets& sets, const DeviceBatch& batch) {
  const DeviceFdeEncoder on_device(encoder);
  ASSERT_EQ(on_device.encoded_dim(), encoder.encoded_dim());
  std::vector<float> expected(sets.count() * encoder.encoded_dim());
  const DeviceArray<float> out(expected.size());
  const std::span<float> room{out.data(), expected.size()};
  encoder.encode_documents(sets.batch(), expected);
  on_device.encode_documents(batch, room);
  EXPECT_EQ(out.on_host(), expected);
  encoder.encode_queries(sets.batch(), expected);
  on_device.encode_queries(batch, room);
  EXPECT_EQ(out.on_host(), expected);
}

TEST(DeviceFdeParity, TheWorkOfTheStreamComesFirst) {
  constexpr std::size_t dim = 32;
  const Sets sets = ragged(dim);
  const FdeEncoder encoder({.dim = dim, .params = {.repetitions = 3}});
  const std::vector<float> nothing(sets.values.size());
  const DeviceArray<float> vectors{std::span<const float>(nothing)};
  const BusyStream<float> makes_vectors(vectors, sets.values);
  expect_same(encoder, sets,
              {.data = vectors.data(),
               .count = sets.offsets.back(),
               .dim = dim,
               .offsets = sets.offsets,
               .stream = makes_vectors.get()});
}

TEST(DeviceFdeParity, EncodingsAreThoseOfTheHost) {
  for (const std::size_t dim : {32U, 40U}) {  // with and without padding
    const Sets sets = ragged(dim);
    for (const FdeParams& params : kinds()) {
      FdeEncoder encoder({.dim = dim, .params = params, .seed = 9, .threads = 1});
      static_cast<void>(encoder.train(sets.batch()));
      expect_same(encoder, sets, OnDevice(sets, dim).batch());
      expect_same(encoder, sets, OnDevice(sets, dim, 1).batch());
      expect_same(encoder, sets, OnDevice(sets, dim + 7, 3).batch());
      expect_same(encoder, sets, OnDevice(sets, 48).batch());  // as far apart as padded ones
    }
  }
}

TEST(DeviceFde, VectorsWithoutOffsetsAreSetsOfOne) {
  Sets sets{32};
  for (std::uint32_t i = 0; i < 5; ++i) sets.add(unit_vectors(1, 32, i));
  const OnDevice there(sets, 32);
  DeviceBatch rows = there.batch();
  rows.offsets = {};
  expect_same(FdeEncoder({.dim = 32, .params = {.repetitions = 2}, .threads = 1}), sets, rows);
}

TEST(DeviceFde, SetsWithoutVectorsAreZeros) {
  const std::vector<std::size_t> offsets{0, 0, 0};
  const FdeEncoder encoder({.dim = 8, .params = {.repetitions = 1}});
  const DeviceArray<float> out(2 * encoder.encoded_dim());
  DeviceFdeEncoder(encoder).encode_documents({.dim = 8, .offsets = offsets},
                                             {out.data(), 2 * encoder.encoded_dim()});
  EXPECT_EQ(out.on_host(), std::vector<float>(2 * encoder.encoded_dim(), 0.0F));
}

TEST(DeviceFde, WhatIsLearnedLaterIsNotSeen) {
  const Sets sets = ragged(32);
  FdeEncoder encoder({.dim = 32, .params = {.repetitions = 2}, .threads = 1});
  const DeviceFdeEncoder on_device(encoder);
  std::vector<float> expected(sets.count() * encoder.encoded_dim());
  encoder.encode_documents(sets.batch(), expected);
  static_cast<void>(encoder.train(sets.batch()));
  const DeviceArray<float> out(expected.size());
  on_device.encode_documents(OnDevice(sets, 32).batch(), {out.data(), expected.size()});
  EXPECT_EQ(out.on_host(), expected);
}

void expect_refusal(const DeviceFdeEncoder& encoder, const DeviceBatch& batch, std::span<float> out,
                    const std::string& words) {
  std::string said;
  try {
    encoder.encode_queries(batch, out);
  } catch (const std::invalid_argument& error) {
    said = error.what();
  }
  EXPECT_NE(said.find(words), std::string::npos) << said << "; expected: " << words;
}

TEST(DeviceFde, FaultyVectorsAreNamed) {
  const FdeEncoder encoder({.dim = 32, .params = {.repetitions = 1}});
  const DeviceFdeEncoder on_device(encoder);
  const Sets sound = ragged(32);
  const DeviceArray<float> out(sound.count() * encoder.encoded_dim());
  const std::span<float> room{out.data(), sound.count() * encoder.encoded_dim()};
  const std::size_t at = (sound.offsets[4] + 7) * 32 + 31;
  for (const float value : {NAN, -std::numeric_limits<float>::infinity()}) {
    Sets sets = sound;
    sets.values[at] = value;
    sets.values[at + 320] = value;  // a later one
    expect_refusal(on_device, OnDevice(sets, 33).batch(), room,
                   "fde: vector 7 of set 4 has a value that is not finite");
  }
  Sets sets = sound;
  sets.values[at] = 1e19F;
  expect_refusal(on_device, OnDevice(sets, 32).batch(), room, "fde: vector 7 of set 4 is too long");
}

TEST(DeviceFde, BadArgumentsAreNamed) {
  const FdeEncoder encoder({.dim = 32, .params = {.repetitions = 1}});
  const DeviceFdeEncoder on_device(encoder);
  const Sets sets = ragged(32);
  const OnDevice there(sets, 32);
  const DeviceArray<float> out(sets.count() * encoder.encoded_dim());
  const std::span<float> room{out.data(), sets.count() * encoder.encoded_dim()};
  DeviceBatch batch = there.batch();
  batch.dim = 31;
  expect_refusal(on_device, batch, room, "fde: vectors have 31 dims, expected 32");
  batch = there.batch();
  batch.stride = 16;
  expect_refusal(on_device, batch, room, "fde: stride must be at least dim 32, got 16");
  expect_refusal(on_device, there.batch(), room.first(1),
                 "fde: out has 1 values; 6 encodings of 512 need 3072");
  batch = there.batch();
  batch.data = nullptr;
  expect_refusal(on_device, batch, room, "an array of the device");
  const std::vector<std::size_t> offsets{0, 5};
  batch = there.batch();
  batch.offsets = offsets;
  expect_refusal(on_device, batch, room, "offsets must go from 0 to");
}

}  // namespace
}  // namespace vecinal::test
