// What is written is read back, and a failed write leaves what was there.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "file_bytes.hpp"
#include "output_file.hpp"
#include "temporary_folder.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {
namespace {

std::size_t files_in(const TemporaryFolder& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    ++count;
  }
  return count;
}

FloatMatrix some_floats(std::size_t rows, std::size_t columns) {
  FloatMatrix matrix{rows, columns, {}};
  for (std::size_t i = 0; i < rows * columns; ++i) {
    matrix.values.push_back(static_cast<float>(i) * 0.37F - 3);
  }
  return matrix;
}

class WriteFloats : public ::testing::TestWithParam<const char*> {};

TEST_P(WriteFloats, RoundTripKeepsEveryBit) {
  const TemporaryFolder folder;
  for (const std::size_t rows : {1U, 2U, 17U}) {
    for (const std::size_t columns : {1U, 3U, 128U}) {
      FloatMatrix matrix = some_floats(rows, columns);
      matrix.values[0] = std::numeric_limits<float>::denorm_min();
      write_floats(folder / GetParam(), matrix.view());
      const FloatMatrix read = read_floats(folder / GetParam());
      EXPECT_EQ(read.rows, rows);
      EXPECT_EQ(read.columns, columns);
      EXPECT_EQ(read.values, matrix.values);
    }
  }
  EXPECT_EQ(files_in(folder), 1U);
}

INSTANTIATE_TEST_SUITE_P(Formats, WriteFloats, ::testing::Values("a.npy", "a.fbin", "a.fvecs"),
                         [](const auto& instance) { return std::string(instance.param + 2); });

class WriteIds : public ::testing::TestWithParam<const char*> {};

TEST_P(WriteIds, RoundTripKeepsEveryId) {
  const TemporaryFolder folder;
  const IdMatrix ids{2, 3, {0, -1, 2'147'483'647, 5, 4, 3}};
  write_ids(folder / GetParam(), ids.view());
  const IdMatrix read = read_ids(folder / GetParam());
  EXPECT_EQ(read.rows, 2U);
  EXPECT_EQ(read.values, ids.values);
}

INSTANTIATE_TEST_SUITE_P(Formats, WriteIds, ::testing::Values("a.npy", "a.ibin", "a.ivecs"),
                         [](const auto& instance) { return std::string(instance.param + 2); });

TEST(WriteIdsWide, NpyHolds64BitsAndTheOthersRefuse) {
  const TemporaryFolder folder;
  const IdMatrix ids{1, 1, {std::numeric_limits<Id>::max()}};
  write_ids(folder / "a.npy", ids.view());
  EXPECT_EQ(read_ids(folder / "a.npy").values, ids.values);
  EXPECT_THROW(write_ids(folder / "a.ibin", ids.view()), std::invalid_argument);
  EXPECT_THROW(write_ids(folder / "a.ivecs", ids.view()), std::invalid_argument);
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(WriteNpy, HeaderIsPaddedAsNumPyDoes) {
  const TemporaryFolder folder;
  write_floats(folder / "a.npy", some_floats(3, 5).view());
  const std::string bytes = content_of(folder / "a.npy");
  const std::size_t values = 3 * 5 * sizeof(float);
  EXPECT_EQ((bytes.size() - values) % 64, 0U);
  EXPECT_EQ(bytes[bytes.size() - values - 1], '\n');
  EXPECT_NE(bytes.find("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 5), }"),
            std::string::npos);
}

TEST(WriteRefusals, OtherKindsAndEmptyTables) {
  const TemporaryFolder folder;
  const FloatMatrix floats = some_floats(1, 1);
  const IdMatrix ids{1, 1, {1}};
  EXPECT_THROW(write_floats(folder / "a.ibin", floats.view()), std::invalid_argument);
  EXPECT_THROW(write_floats(folder / "a.bvecs", floats.view()), std::invalid_argument);
  EXPECT_THROW(write_ids(folder / "a.fbin", ids.view()), std::invalid_argument);
  EXPECT_THROW(write_ids(folder / "a.txt", ids.view()), std::invalid_argument);
  EXPECT_THROW(write_floats(folder / "a.npy", {}), std::invalid_argument);
  EXPECT_EQ(files_in(folder), 0U);
}

TEST(OutputFileTest, AppearsWholeOrNotAtAll) {
  const TemporaryFolder folder;
  const auto file = folder.write("a", "old");
  {
    OutputFile out(file);
    out.write(as_file("new"));
    EXPECT_EQ(content_of(file), "old");
  }
  EXPECT_EQ(content_of(file), "old");
  EXPECT_EQ(files_in(folder), 1U);
  OutputFile out(file);
  out.write(as_file("new"));
  out.commit();
  EXPECT_EQ(content_of(file), "new");
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(OutputFileTest, AFullDiskIsAnError) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const std::vector<std::byte> much(1 << 20);
  OutputFile out("/dev/full");
  EXPECT_THROW(
      {
        out.write(much);
        out.commit();
      },
      std::filesystem::filesystem_error);
}

TEST(OutputFileTest, AMissingFolderIsAnError) {
  const TemporaryFolder folder;
  EXPECT_THROW(OutputFile(folder / "missing/a"), std::filesystem::filesystem_error);
}

}  // namespace
}  // namespace vecinal::cli
