// Malformed files: each is refused with a ReadError that says why, and none is believed.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "file_bytes.hpp"
#include "read_error.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {
namespace {

constexpr auto fvecs = FileFormat::fvecs;
constexpr auto fbin = FileFormat::fbin;
constexpr auto npy_format = FileFormat::npy;

struct HostileFile {
  const char* name;
  FileFormat format;
  std::string bytes;
  const char* reason;  ///< part of the message
};

std::string two_floats() { return raw_list<float>({1, 2}); }

std::string with_header(const std::string& header) { return npy_with_header(header, two_floats()); }

std::vector<HostileFile> hostile_npy() {
  const std::string good = "'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), ";
  return {
      {"NpyEmpty", npy_format, "", "NUMPY"},
      {"NpyOtherMagic", npy_format, "PK\x03\x04 not numpy", "NUMPY"},
      {"NpyMagicOnly", npy_format, "\x93NUMPY", "NUMPY"},
      {"NpyVersion3", npy_format, npy_with_header("{" + good + "}", two_floats(), 3), "found 3.0"},
      {"NpyNoLength", npy_format, std::string("\x93NUMPY\x01\x00\x10", 9), "cut off"},
      {"NpyHeaderPastEnd", npy_format, std::string("\x93NUMPY\x01\x00\xFF\xFF{", 11),
       "header says"},
      {"NpyHeaderOf4GiB", npy_format, std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{", 13),
       "4294967295"},
      {"NpyHeaderNoDict", npy_format, with_header("hello"), "dict"},
      {"NpyHeaderUnclosed", npy_format, with_header("{" + good), "dict"},
      {"NpyHeaderGarbageAfterDict", npy_format, with_header("{" + good + "} x"), "dict"},
      {"NpyHeaderNul", npy_format, with_header("{" + good + std::string("}\0", 2)), "dict"},
      {"NpyUnclosedString", npy_format, with_header("{'descr"), "dict"},
      {"NpyEscapeInKey", npy_format, with_header("{'\x1b[31m': 1}"), "dict"},
      {"NpyUnknownKey", npy_format, with_header("{" + good + "'x': 1}"), "'x'"},
      {"NpyRepeatedKey", npy_format, with_header("{" + good + "'descr': '<f4'}"), "repeated"},
      {"NpyMissingKey", npy_format, with_header("{'descr': '<f4', 'shape': (1, 2)}"), "must have"},
      {"NpyBadBoolean", npy_format, with_header("{'fortran_order': Maybe}"), "dict"},
      {"NpyStructured", npy_format, with_header("{'descr': [('x', '<f4')]}"), "structured"},
      {"NpyObjects", npy_format, npy("|O", "(1, 2)", two_floats()), "'|O'"},
      {"NpyComplex", npy_format, npy("<c8", "(1, 1)", two_floats()), "'<c8'"},
      {"NpyBfloat16", npy_format, npy("<V2", "(1, 4)", two_floats()), "'<V2'"},
      {"NpyWideTypeWithoutByteOrder", npy_format, npy("|f4", "(1, 2)", two_floats()), "'|f4'"},
      {"NpyEmptyType", npy_format, npy("", "(1, 2)", two_floats()), "dtype ''"},
      {"NpyScalarArray", npy_format, npy("<f4", "()", raw(1.0F)), "found 0"},
      {"NpyList", npy_format, npy("<f4", "(2,)", two_floats()), "rank 1"},
      {"NpyThreeDimensions", npy_format, npy("<f4", "(1, 1, 2)", two_floats()), "found 3"},
      {"NpyNoRows", npy_format, npy("<f4", "(0, 2)", ""), "0 rows"},
      {"NpyDimZero", npy_format, npy("<f4", "(2, 0)", ""), "0 values"},
      {"NpyNegativeRows", npy_format, npy("<f4", "(-1, 2)", two_floats()), "dict"},
      {"NpyRowsPast64Bits", npy_format, npy("<f4", "(18446744073709551616, 2)", two_floats()),
       "2^64"},
      {"NpySizeOverflow", npy_format, npy("<f4", "(4611686018427387905, 4)", raw(1.0F)), "2^64"},
      {"NpyTruncated", npy_format, npy("<f4", "(1, 3)", two_floats()), "need 12"},
      {"NpyTrailing", npy_format, npy("<f4", "(1, 2)", two_floats() + "x"), "found 9"},
      {"NpyDoubleBeyondFloat", npy_format, npy("<f8", "(1, 2)", raw_list<double>({1, 1e39})),
       "row 0, column 1"},
  };
}

std::vector<HostileFile> hostile_others() {
  const std::string row = vec(2, two_floats());
  return {
      {"VecsEmpty", fvecs, "", "empty"},
      {"VecsHalfADimension", fvecs, "ab", "row 0 is cut off"},
      {"VecsDimZero", fvecs, vec(0, ""), "0 dimensions"},
      {"VecsDimNegative", fvecs, vec(-2, two_floats()), "-2 dimensions"},
      {"VecsDimMax", fvecs, vec(2'147'483'647, two_floats()), "need 8589934592 bytes"},
      {"VecsTruncatedRow", fvecs, row + vec(2, raw(1.0F)), "row 1 is cut off"},
      {"VecsTrailing", fvecs, row + "x", "row 1 is cut off"},
      {"VecsOtherDimLater", fvecs, row + vec(1, raw(1.0F)), "row 1 has 1 dimensions, row 0 has 2"},
      {"VecsZeroDimLater", fvecs, row + vec(0, ""), "row 1 has 0 dimensions"},
      {"BinEmpty", fbin, "", "found 0 bytes"},
      {"BinHalfAHeader", fbin, raw<std::uint32_t>(1), "found 4 bytes"},
      {"BinNoRows", fbin, bin(0, 2, ""), "0 rows"},
      {"BinDimZero", fbin, bin(2, 0, ""), "0 values"},
      {"BinTruncated", fbin, bin(1, 3, two_floats()), "need 12"},
      {"BinTrailing", fbin, bin(1, 2, two_floats() + "x"), "found 9"},
      {"BinTwiceTheRows", fbin, bin(1, 2, two_floats() + two_floats()), "found 16"},
      {"BinSizeOverflow", fbin, bin(0xFFFFFFFF, 0xFFFFFFFF, two_floats()), "2^64"},
      {"BinWrapsToRightSize", fbin, bin(0x80000000, 0x80000000, ""), "2^64"},
      {"BinHugeRows", fbin, bin(0xFFFFFFFF, 1, two_floats()), "17179869180"},
      {"IbinWithHalfTheDistances", FileFormat::ibin, bin(1, 2, std::string(12, 'x')), "found 12"},
  };
}

std::vector<HostileFile> all_hostile() {
  std::vector<HostileFile> files = hostile_npy();
  for (HostileFile& file : hostile_others()) files.push_back(std::move(file));
  return files;
}

class HostileFiles : public ::testing::TestWithParam<HostileFile> {};

TEST_P(HostileFiles, AreRefusedByName) {
  const HostileFile& file = GetParam();
  try {
    static_cast<void>(parse_floats(as_file(file.bytes), file.format, "the-file"));
    FAIL() << "accepted";
  } catch (const ReadError& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.starts_with("the-file: ")) << message;
    EXPECT_NE(message.find(file.reason), std::string::npos) << message;
  }
}

INSTANTIATE_TEST_SUITE_P(Each, HostileFiles, ::testing::ValuesIn(all_hostile()),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(HostileIds, FloatsAreNoIds) {
  for (const auto& [bytes, format] :
       {std::pair(npy("<f4", "(1, 2)", two_floats()), FileFormat::npy),
        std::pair(bin(1, 2, two_floats()), FileFormat::fbin),
        std::pair(vec(2, two_floats()), FileFormat::fvecs)}) {
    EXPECT_THROW(static_cast<void>(parse_ids(as_file(bytes), format, "test")), ReadError);
  }
}

TEST(HostileIds, AnIdBeyond63BitsIsRefusedWithItsPlace) {
  const std::string bytes =
      npy("<u8", "(2, 1)", raw_list<std::uint64_t>({1, 9'223'372'036'854'775'808U}));
  try {
    static_cast<void>(parse_ids(as_file(bytes), FileFormat::npy, "test"));
    FAIL() << "accepted";
  } catch (const ReadError& error) {
    EXPECT_NE(std::string(error.what()).find("row 1, column 0"), std::string::npos) << error.what();
  }
}

struct SoundFile {
  const char* name;
  FileFormat format;
  std::string bytes;
};

/// One of each format, for the loops below.
std::vector<SoundFile> sound_files() {
  const std::string six = raw_list<float>({1, 2, 3, 4, 5, 6});
  const std::string row = raw_list<float>({1, 2, 3});
  const std::string ints = raw_list<std::int32_t>({1, 2, 3});
  return {{"npy", FileFormat::npy, npy("<f4", "(2, 3)", six)},
          {"npy2", FileFormat::npy, npy("<f4", "(2, 3)", six, "True", 2)},
          {"fvecs", FileFormat::fvecs, vec(3, row)},
          {"bvecs", FileFormat::bvecs, vec(3, "abc")},
          {"ivecs", FileFormat::ivecs, vec(3, ints)},
          {"fbin", FileFormat::fbin, bin(2, 3, six)},
          {"u8bin", FileFormat::u8bin, bin(2, 3, "abcdef")},
          {"i8bin", FileFormat::i8bin, bin(2, 3, "abcdef")},
          {"ibin", FileFormat::ibin, bin(1, 3, ints)}};
}

TEST(MutatedFiles, EveryTruncationIsRefused) {
  for (const SoundFile& file : sound_files()) {
    SCOPED_TRACE(file.name);
    ASSERT_NO_THROW(static_cast<void>(parse_floats(as_file(file.bytes), file.format, "test")));
    for (std::size_t length = 0; length < file.bytes.size(); ++length) {
      // A copy of its own, so that a sanitizer sees a read past its end.
      const std::string cut(file.bytes.data(), length);
      EXPECT_THROW(static_cast<void>(parse_floats(as_file(cut), file.format, "test")), ReadError)
          << "at " << length;
    }
  }
}

TEST(MutatedFiles, EveryShortExtensionIsRefused) {
  for (const SoundFile& file : sound_files()) {
    SCOPED_TRACE(file.name);
    for (std::size_t more = 1; more < 6; ++more) {
      const std::string longer = file.bytes + std::string(more, '\1');
      EXPECT_THROW(static_cast<void>(parse_floats(as_file(longer), file.format, "test")), ReadError)
          << "by " << more;
    }
  }
}

TEST(MutatedFiles, EveryFlippedBitIsRefusedOrGivesASoundMatrix) {
  for (const SoundFile& file : sound_files()) {
    SCOPED_TRACE(file.name);
    for (std::size_t bit = 0; bit < file.bytes.size() * 8; ++bit) {
      std::string flipped = file.bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      try {
        const FloatMatrix matrix = parse_floats(as_file(flipped), file.format, "test");
        EXPECT_EQ(matrix.values.size(), matrix.rows * matrix.columns);
        EXPECT_LE(matrix.values.size() * sizeof(float), 8 * flipped.size());
      } catch (const ReadError&) {
        continue;  // what is wanted, where the bit meant something
      }
    }
  }
}

}  // namespace
}  // namespace vecinal::cli
