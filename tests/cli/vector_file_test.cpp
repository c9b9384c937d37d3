// What sound files of each format and type are read as.
#include "vector_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "file_bytes.hpp"
#include "read_error.hpp"
#include "temporary_folder.hpp"

namespace vecinal::cli {
namespace {

using std::endian;

FloatMatrix floats(const std::string& bytes, FileFormat format) {
  return parse_floats(as_file(bytes), format, "test");
}

IdMatrix ids(const std::string& bytes, FileFormat format) {
  return parse_ids(as_file(bytes), format, "test");
}

template <class T>
void expect_matrix(const Matrix<T>& matrix, std::size_t rows, std::size_t columns,
                   const std::vector<T>& values) {
  EXPECT_EQ(matrix.rows, rows);
  EXPECT_EQ(matrix.columns, columns);
  EXPECT_EQ(matrix.values, values);
}

template <class T>
void expect_type_is_read(const std::string& code) {
  const std::vector<float> expected = {1, 2, 3, 100, 0, 7};
  for (const auto& [mark, order] : {std::pair('<', endian::little), std::pair('>', endian::big)}) {
    const std::string bytes = npy(mark + code, "(2, 3)", raw_list<T>({1, 2, 3, 100, 0, 7}, order));
    SCOPED_TRACE(mark + code);
    expect_matrix(floats(bytes, FileFormat::npy), 2, 3, expected);
    if constexpr (std::is_integral_v<T>) {
      expect_matrix<Id>(ids(bytes, FileFormat::npy), 2, 3, {1, 2, 3, 100, 0, 7});
    }
  }
}

TEST(Npy, EveryTypeInBothByteOrdersGivesTheSameValues) {
  expect_type_is_read<float>("f4");
  expect_type_is_read<double>("f8");
  expect_type_is_read<std::uint8_t>("u1");
  expect_type_is_read<std::int8_t>("i1");
  expect_type_is_read<std::uint32_t>("u4");
  expect_type_is_read<std::int32_t>("i4");
  expect_type_is_read<std::uint64_t>("u8");
  expect_type_is_read<std::int64_t>("i8");
}

TEST(Npy, OneByteTypesMayHaveNoByteOrder) {
  expect_matrix<float>(floats(npy("|u1", "(1, 2)", "\x01\xFF"), FileFormat::npy), 1, 2, {1, 255});
  expect_matrix<float>(floats(npy("|i1", "(1, 2)", "\x01\xFF"), FileFormat::npy), 1, 2, {1, -1});
}

TEST(Npy, EveryHalfIsReadAsItsValue) {
  std::string values;
  for (std::uint32_t bits = 0; bits < 65'536; ++bits)
    values += raw(static_cast<std::uint16_t>(bits));
  const FloatMatrix matrix = floats(npy("<f2", "(256, 256)", values), FileFormat::npy);
  for (std::uint32_t bits = 0; bits < 65'536; ++bits) {
    const double sign = (bits & 0x8000U) != 0 ? -1 : 1;
    const int exponent = static_cast<int>((bits >> 10U) & 31U);
    const double mantissa = bits & 1023U;
    const float found = matrix.values[bits];
    if (exponent == 31 && mantissa != 0) {
      EXPECT_TRUE(std::isnan(found)) << bits;
    } else if (exponent == 31) {
      EXPECT_EQ(found, sign * std::numeric_limits<float>::infinity()) << bits;
    } else {
      const double expected =
          exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
      EXPECT_EQ(found, sign * expected) << bits;
      EXPECT_EQ(std::signbit(found), sign < 0) << bits;
    }
  }
}

TEST(Npy, FortranOrderIsTransposed) {
  const std::string columns = raw_list<float>({1, 4, 2, 5, 3, 6});
  expect_matrix<float>(floats(npy("<f4", "(2, 3)", columns, "True"), FileFormat::npy), 2, 3,
                       {1, 2, 3, 4, 5, 6});
}

TEST(Npy, VersionTwoIsRead) {
  const std::string values = raw_list<float>({1, 2});
  expect_matrix<float>(floats(npy("<f4", "(1, 2)", values, "False", 2), FileFormat::npy), 1, 2,
                       {1, 2});
}

TEST(Npy, KeysMayComeInAnyOrderAndStyle) {
  const std::string header = "{\"shape\":(1L,2L),\"fortran_order\":False,\"descr\":\"<f4\"}   \n";
  expect_matrix<float>(floats(npy_with_header(header, raw_list<float>({1, 2})), FileFormat::npy), 1,
                       2, {1, 2});
}

TEST(Npy, AListOfIdsIsAColumn) {
  expect_matrix<Id>(ids(npy("<i8", "(3,)", raw_list<std::int64_t>({5, -1, 7})), FileFormat::npy), 3,
                    1, {5, -1, 7});
}

TEST(Npy, SpecialFloatsPassUnchanged) {
  const auto infinity = std::numeric_limits<double>::infinity();
  const FloatMatrix matrix = floats(
      npy("<f8", "(1, 3)", raw_list<double>({infinity, -infinity, std::nan("")})), FileFormat::npy);
  EXPECT_EQ(matrix.values[0], infinity);
  EXPECT_EQ(matrix.values[1], -infinity);
  EXPECT_TRUE(std::isnan(matrix.values[2]));
}

TEST(Vecs, EveryTypeIsRead) {
  const std::string f = vec(2, raw_list<float>({1.5F, 2})) + vec(2, raw_list<float>({3, 4}));
  expect_matrix<float>(floats(f, FileFormat::fvecs), 2, 2, {1.5F, 2, 3, 4});
  const std::string b = vec(2, "\x01\xFF") + vec(2, "\x02\x03");
  expect_matrix<float>(floats(b, FileFormat::bvecs), 2, 2, {1, 255, 2, 3});
  const std::string i = vec(1, raw<std::int32_t>(9)) + vec(1, raw<std::int32_t>(-1));
  expect_matrix<Id>(ids(i, FileFormat::ivecs), 2, 1, {9, -1});
}

TEST(Bin, EveryTypeIsRead) {
  expect_matrix<float>(floats(bin(1, 2, raw_list<float>({1.5F, 2})), FileFormat::fbin), 1, 2,
                       {1.5F, 2});
  expect_matrix<float>(floats(bin(2, 1, "\x01\xFF"), FileFormat::u8bin), 2, 1, {1, 255});
  expect_matrix<float>(floats(bin(2, 1, "\x01\xFF"), FileFormat::i8bin), 2, 1, {1, -1});
  expect_matrix<Id>(ids(bin(1, 2, raw_list<std::int32_t>({7, 8})), FileFormat::ibin), 1, 2, {7, 8});
}

TEST(Bin, AGroundTruthMayCarryDistances) {
  const std::string both = raw_list<std::int32_t>({7, 8}) + raw_list<float>({0.5F, 0.7F});
  expect_matrix<Id>(ids(bin(1, 2, both), FileFormat::ibin), 1, 2, {7, 8});
}

TEST(ReadFile, ReadsWhatTheExtensionSays) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.fbin", bin(1, 2, raw_list<float>({1, 2})));
  expect_matrix<float>(read_floats(file), 1, 2, {1, 2});
  const auto list = folder.write("ids.ivecs", vec(2, raw_list<std::int32_t>({3, 4})));
  expect_matrix<Id>(read_ids(list), 1, 2, {3, 4});
}

TEST(ReadFile, AnyGivesIdsForWideIntegersOnly) {
  const TemporaryFolder folder;
  const auto wide = folder.write("wide.npy", npy("<i4", "(1, 1)", raw<std::int32_t>(3)));
  EXPECT_TRUE(std::holds_alternative<IdMatrix>(read_any(wide)));
  const auto narrow = folder.write("narrow.npy", npy("|u1", "(1, 1)", "\x03"));
  EXPECT_TRUE(std::holds_alternative<FloatMatrix>(read_any(narrow)));
}

TEST(ReadFile, UnknownExtensionListsTheKnownOnes) {
  try {
    static_cast<void>(read_floats("a.csv"));
    FAIL() << "accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find(".fbin"), std::string::npos) << error.what();
  }
}

TEST(ReadFile, WhatIsNoRegularFileIsRefused) {
  const TemporaryFolder folder;
  EXPECT_THROW(static_cast<void>(read_floats(folder / "missing.npy")),
               std::filesystem::filesystem_error);
  std::filesystem::create_directory(folder / "folder.npy");
  EXPECT_THROW(static_cast<void>(read_floats(folder / "folder.npy")),
               std::filesystem::filesystem_error);
  ASSERT_EQ(::mkfifo((folder / "pipe.npy").c_str(), 0600), 0);
  EXPECT_THROW(static_cast<void>(read_floats(folder / "pipe.npy")),
               std::filesystem::filesystem_error);
}

TEST(ReadFile, ControlCharactersOfANameAreNotPrinted) {
  const TemporaryFolder folder;
  const auto file = folder.write("a\x1b[31m.npy", "");
  try {
    static_cast<void>(read_floats(file));
    FAIL() << "accepted";
  } catch (const ReadError& error) {
    EXPECT_EQ(std::string(error.what()).find('\x1b'), std::string::npos);
  }
}

}  // namespace
}  // namespace vecinal::cli
