// Searches use the scratch of earlier ones: what they allocate does not grow with the queries.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "support/data.hpp"
#include "vecinal/index.hpp"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

std::atomic<std::size_t> allocations{0};

void* counted(std::size_t size, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
void* operator new[](std::size_t size) { return counted(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace vecinal {
namespace {

TEST(Allocations, DoNotGrowWithTheQueriesOnceWarm) {
  const test::Rows rows = test::clustered(800, 40, 1);
  const test::Rows queries = test::clustered(128, 40, 2);
  for (const Layout layout : {Layout::split, Layout::fused})
    for (const Encoding encoding : {Encoding::lvq8, Encoding::lvq4x8}) {
      const auto index = make_index({.dim = 40,
                                     .metric = Metric::cosine,
                                     .encoding = encoding,
                                     .layout = layout,
                                     .build_beam = 40,
                                     .threads = 1});
      index->add(rows.batch());
      const auto count = [&](std::size_t asked) {
        const std::size_t before = allocations.load();
        (void)index->search(queries.part(0, asked), {.k = 10, .beam = 40});
        return allocations.load() - before;
      };
      for (int warm = 0; warm < 6; ++warm) (void)count(warm % 2 == 0 ? 128 : 64);
      const std::size_t few = count(64);
      EXPECT_EQ(count(128), few) << name(layout) << " " << name(encoding);
      EXPECT_LE(few, 12U) << name(layout) << " " << name(encoding);
    }
}

}  // namespace
}  // namespace vecinal

#endif
