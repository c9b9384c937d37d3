#include <vecinal/index.hpp>

#include <iostream>

int main() {
  const char* names[] = {"crimson", "salmon", "gold", "olive", "teal", "navy"};
  const float colours[] = {220, 20,  60, 250, 128, 114, 255, 215, 0,  // red, green, blue
                           128, 128, 0,  0,   128, 128, 0,   0,   128};
  const float query[] = {255, 100, 100};

  const auto index = vecinal::make_index({.dim = 3, .metric = vecinal::Metric::l2});
  index->add({.data = colours, .count = 6, .dim = 3});
  const vecinal::Neighbors hits = index->search({.data = query, .count = 1, .dim = 3}, {.k = 2});
  for (std::size_t i = 0; i < hits.k; ++i)
    std::cout << names[hits.ids[i]] << ", squared distance " << hits.distances[i] << '\n';
}
