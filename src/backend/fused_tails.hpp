/// Fused rows on a backend.
#pragma once

#include "backend/backend.hpp"
#include "graph/fused.hpp"

namespace vecinal {

/// Copies the tails of the first `count` rows, and the entries, of which there are some.
void put_tails(DeviceTails& to, const Storage& rows, const FusedView& fused, std::size_t count);

}  // namespace vecinal
