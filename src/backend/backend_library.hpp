/// Finds the backend of a device: a library that is opened when it is first asked for, so that
/// nothing of it is needed where there is no such device.
#pragma once

#include <memory>

#include "backend/backend.hpp"

namespace vecinal {

/// A backend of the CUDA device of this process. Its library is looked for under the path in the
/// environment variable VECINAL_CUDA_LIBRARY, or else as libvecinal_cuda.so beside the library that
/// holds this function, then where the system looks for libraries; it stays open for good. Throws
/// CudaError saying what is missing.
[[nodiscard]] std::unique_ptr<Backend> open_cuda_backend();

/// The one that all indexes share, opened when it is first asked for; after a failure asking again
/// tries again.
[[nodiscard]] Backend& cuda_backend();

}  // namespace vecinal
