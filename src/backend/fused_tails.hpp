/// Fused rows on a backend.
#pragma once

#include "backend/backend.hpp"
#include "graph/fused.hpp"

namespace vecinal {

/// The tails of the first `count` rows, and the entries, of which there are some, as a backend is
/// told of them.
[[nodiscard]] HostTails tails_of(const Storage& rows, const FusedView& fused, std::size_t count);
[[nodiscard]] EntryNodes entries_of(const FusedView& fused);

}  // namespace vecinal
