// An open index whose log can take no more: what it has stays readable and can still be saved.
#include "vecinal/open.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "cli/temporary_folder.hpp"
#include "faults/system_calls.hpp"
#include "support/data.hpp"

namespace vecinal {
namespace {

using std::filesystem::filesystem_error;
using test::Call;
using test::FailingCall;

class FailingOpen : public ::testing::Test {
 protected:
  /// An index of ten items, whose log broke at five more.
  [[nodiscard]] std::unique_ptr<LoggedIndex> broken() const {
    auto index = open_index(file_, config_);
    index->add(rows_.part(0, 10));
    const FailingCall failing(Call::fdatasync, EIO);
    EXPECT_THROW(index->add(rows_.part(10, 5)), filesystem_error);
    return index;
  }

  Config config_{.dim = 3, .degree = 4, .build_beam = 10};
  test::Rows rows_ = test::clustered(30, 3, 1);
  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a.vcn";
};

TEST_F(FailingOpen, IsReadableAndSavedOnceItsLogIsBroken) {
  const auto index = broken();
  EXPECT_EQ(index->size(), 10U);
  EXPECT_THROW(index->remove(std::vector<Id>{1}), filesystem_error);
  EXPECT_THROW(index->flush(), filesystem_error);
  const auto before = index->to_bytes();
  index->checkpoint();
  EXPECT_THROW(index->remove(std::vector<Id>{1}), filesystem_error) << "opened anew it does";
  index->close();
  EXPECT_EQ(load_index(file_)->to_bytes(), before);
  const auto again = open_index(file_);
  EXPECT_EQ(again->to_bytes(), before);
  EXPECT_EQ(again->remove(std::vector<Id>{1}), 1U);
}

TEST_F(FailingOpen, ClosingABrokenOneGivesItFree) {
  const auto index = broken();
  index->close();
  index->close();
  EXPECT_EQ(open_index(file_)->size(), 10U);
}

TEST_F(FailingOpen, ClosingThatCannotFlushSaysSoAndGivesItFree) {
  const auto index = open_index(file_, config_, {.sync = Sync::on_flush});
  index->add(rows_.part(0, 10));
  {
    const FailingCall failing(Call::fdatasync, EIO);
    EXPECT_THROW(index->close(), filesystem_error);
  }
  EXPECT_THROW(index->add(rows_.part(10, 5)), std::invalid_argument);
  EXPECT_EQ(open_index(file_)->size(), 10U);
}

TEST_F(FailingOpen, ACheckpointThatFailsLeavesFileAndLog) {
  const auto index = open_index(file_, config_);
  index->add(rows_.part(0, 10));
  const auto before = index->to_bytes();
  const std::string file = cli::content_of(file_);
  for (const Call call : {Call::pwrite, Call::fdatasync, Call::rename}) {
    const FailingCall failing(call, ENOSPC);
    EXPECT_THROW(index->checkpoint(), filesystem_error);
    EXPECT_EQ(cli::content_of(file_), file);
    EXPECT_EQ(index->log().records, 1U);
  }
  index->close();
  EXPECT_EQ(open_index(file_)->to_bytes(), before);
}

}  // namespace
}  // namespace vecinal
