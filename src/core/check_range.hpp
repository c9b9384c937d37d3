/// Options that are whole numbers within limits.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string_view>

#include "core/concat.hpp"

namespace vecinal {

/// Throws std::invalid_argument naming the option, e.g. "refine: beam", its limits and the value.
inline void check_range(std::string_view option, std::size_t value, std::size_t least,
                        std::size_t most) {
  if (value < least || value > most)
    throw std::invalid_argument(concat(option, " must be ", least, " to ", most, ", got ", value));
}

}  // namespace vecinal
