/// Finds the backend of a device: a library that is opened when it is first asked for, so that
/// nothing of it is needed where there is no such device.
#pragma once

#include "backend/backend.hpp"

namespace vecinal {

/// The backend of the CUDA device of this process, the same one each time. It is looked for under
/// the path in the environment variable VECINAL_CUDA_LIBRARY, or else as libvecinal_cuda.so beside
/// the library that holds this function, then where the system looks for libraries. Throws
/// CudaError saying what is missing; asking again tries again.
[[nodiscard]] Backend& cuda_backend();

}  // namespace vecinal
