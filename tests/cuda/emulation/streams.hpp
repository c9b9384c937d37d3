/// Streams of the emulated device. Nothing that is put into one happens before somebody waits for
/// it, so that whoever does not wait where it is needed finds what was there before.
#pragma once

#include <functional>

namespace emulation {

void* make_stream();
void drop_stream(void* stream) noexcept;

/// stream: one that was made, or of the caller (null: the default stream), which is known by its
/// first use.
void enqueue(void* stream, std::function<void()> work);
/// Does the stream's work. What that throws ends the work.
void wait_for(void* stream);
/// Does the work of all streams, as cudaFree() waits for the device; what it throws is thrown by
/// the wait for that stream.
void wait_for_all() noexcept;

}  // namespace emulation
