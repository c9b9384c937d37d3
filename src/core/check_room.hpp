/// Limits of how many things there can be.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string_view>

#include "core/concat.hpp"

namespace vecinal {

/// Throws std::length_error if `more` things beside those there are, at most `most`, would be too
/// many: "add: an index holds at most 9 items". call and things: of the message.
inline void check_room(std::size_t there, std::size_t more, std::size_t most, std::string_view call,
                       std::string_view things) {
  if (more > most - there)
    throw std::length_error(concat(call, ": an index holds at most ", most, " ", things));
}

}  // namespace vecinal
