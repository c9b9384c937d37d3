/// Exceptions that vecinal throws. A caller's mistake is std::invalid_argument; these are the rest.
#pragma once

#include <stdexcept>

namespace vecinal {

/// The operation needs a trained index: call train() or add() first.
struct NotTrained : std::logic_error {
  using std::logic_error::logic_error;
};

/// A file or byte string is not a sound vecinal index; the message names the section and the
/// reason.
struct FormatError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A GPU is missing, cannot be used, or failed; the message says what. An index is as it was before
/// the call, and goes on working on the CPU.
struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A GPU has no room for what a call needs there; the message names the bytes asked and free.
struct DeviceMemoryError : CudaError {
  using CudaError::CudaError;
};

/// An add would take more than Config::memory_limit. Nothing was allocated, nothing has changed.
struct MemoryLimit : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A progress callback asked to stop. The index is as it was before the call.
struct Cancelled : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace vecinal
