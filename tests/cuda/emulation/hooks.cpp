// What code calls that was compiled with -fsanitize=thread, in place of that sanitizer's library:
// it takes the threads of a block for one thread.
#include <cstddef>

#include "accesses.hpp"

using emulation::Access;

#define VECINAL_TOUCHED(at, bytes, access) \
  emulation::touched(at, bytes, Access::access, __builtin_return_address(0))

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void* at, std::size_t bytes) { VECINAL_TOUCHED(at, bytes, read); }
void __tsan_write_range(void* at, std::size_t bytes) { VECINAL_TOUCHED(at, bytes, write); }

// Counts of references, on the host: kernels use CUDA's functions.
unsigned __tsan_atomic32_fetch_add(volatile void* at, unsigned value, int) {
  return __atomic_fetch_add(static_cast<volatile unsigned*>(at), value, __ATOMIC_SEQ_CST);
}
unsigned __tsan_atomic32_fetch_sub(volatile void* at, unsigned value, int) {
  return __atomic_fetch_sub(static_cast<volatile unsigned*>(at), value, __ATOMIC_SEQ_CST);
}

#define VECINAL_HOOKS(bytes)                                                        \
  void __tsan_read##bytes(void* at) { VECINAL_TOUCHED(at, bytes, read); }           \
  void __tsan_write##bytes(void* at) { VECINAL_TOUCHED(at, bytes, write); }         \
  void __tsan_unaligned_read##bytes(void* at) { VECINAL_TOUCHED(at, bytes, read); } \
  void __tsan_unaligned_write##bytes(void* at) { VECINAL_TOUCHED(at, bytes, write); }

VECINAL_HOOKS(1)
VECINAL_HOOKS(2)
VECINAL_HOOKS(4)
VECINAL_HOOKS(8)
VECINAL_HOOKS(16)

}  // extern "C"
