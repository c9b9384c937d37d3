// An index whose items come and go: removed, replaced, added again, while it answers.
#include <cstdio>
#include <thread>
#include <vecinal/index.hpp>
#include <vector>

int main() {
  // Points on a line: item i lies at i.
  constexpr std::size_t size = 1000;
  std::vector<float> points(size);
  for (std::size_t i = 0; i < size; ++i) points[i] = static_cast<float>(i);
  const auto index = vecinal::make_index({.dim = 1});
  index->add({.data = points.data(), .count = size, .dim = 1});

  const float query = 500.4F;
  const auto nearest = [&] {
    return index->search({.data = &query, .count = 1, .dim = 1}, {.k = 1}).ids[0];
  };
  std::printf("nearest to %.1f: %d\n", static_cast<double>(query), static_cast<int>(nearest()));

  // Searches go on beside a writer; each sees a change whole or not at all.
  std::thread writer([&] {
    for (vecinal::Id id = 400; id < 600; ++id) index->remove(std::vector<vecinal::Id>{id});
  });
  for (int i = 0; i < 100; ++i) static_cast<void>(nearest());
  writer.join();
  std::printf("without 400 to 599: %d\n", static_cast<int>(nearest()));

  // An item moves.
  const float moved = 500;
  index->update(std::vector<vecinal::Id>{7}, {.data = &moved, .count = 1, .dim = 1});
  std::printf("7 has moved: %d\n", static_cast<int>(nearest()));

  // New items take the places of those that went; compact() gives back what is left over.
  index->compact();
  std::printf("%zu items, %zu rows waiting\n", index->stats().size, index->stats().free);
}
