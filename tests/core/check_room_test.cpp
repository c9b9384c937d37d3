#include "core/check_room.hpp"

#include <gtest/gtest.h>

namespace vecinal {
namespace {

TEST(CheckRoom, RefusesMoreThanTheLimit) {
  EXPECT_NO_THROW(check_room(0, 0, 0, "add", "items"));
  EXPECT_NO_THROW(check_room(3, 6, 9, "add", "items"));
  EXPECT_NO_THROW(check_room(9, 0, 9, "add", "items"));
  EXPECT_THROW(check_room(3, 7, 9, "add", "items"), std::length_error);
  EXPECT_THROW(check_room(1, SIZE_MAX, 9, "add", "items"), std::length_error) << "no sum overflows";
  try {
    check_room(9, 1, 9, "add", "items");
    FAIL();
  } catch (const std::length_error& error) {
    EXPECT_STREQ(error.what(), "add: an index holds at most 9 items");
  }
}

}  // namespace
}  // namespace vecinal
