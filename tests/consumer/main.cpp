// What a user's program sees: public headers, one target, and an answer that is known.
#include <vecinal/index.hpp>

#include <iostream>
#include <vector>

int main() {
  const auto index = vecinal::make_index({.dim = 4, .metric = vecinal::Metric::cosine});
  const std::vector<float> rows = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1};
  index->add({.data = rows.data(), .count = 3, .dim = 4});
  const std::vector<float> query = {0, 0, 1, 0.5F};
  const vecinal::Neighbors hits =
      index->search({.data = query.data(), .count = 1, .dim = 4}, {.k = 1});
  std::cout << "vecinal " << vecinal::version() << ": nearest is " << hits.ids[0] << '\n';
}
