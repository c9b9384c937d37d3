/// Which kernel table is in use, and tables by level for the tests.
#pragma once

#include "kernels/kernels.hpp"
#include "vecinal/simd.hpp"

namespace vecinal::kernels {

/// The table of a level. Throws std::invalid_argument if this build or CPU does not have it.
const KernelTable& table(SimdLevel level);

/// The table of active_simd().
const KernelTable& active();

}  // namespace vecinal::kernels
