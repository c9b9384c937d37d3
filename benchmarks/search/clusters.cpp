#include "clusters.hpp"

#include <algorithm>
#include <numeric>

#include "vecinal/index.hpp"

namespace vecinal::bench {
namespace {

/// The nearest centre of every row, by exact search in an index of the centres.
std::vector<Id> nearest(const cli::FloatMatrix& matrix, const cli::FloatMatrix& centres) {
  Config config;
  config.dim = matrix.columns;
  config.graph = GraphKind::none;
  const auto index = make_index(config);
  index->add(cli::batch_of(centres));
  SearchParams params;
  params.k = 1;
  return index->search(cli::batch_of(matrix), params).ids;
}

/// Moves each centre to the mean of its rows; one without rows stays where it is.
void move_centres(const cli::FloatMatrix& matrix, const std::vector<Id>& assigned,
                  cli::FloatMatrix& centres) {
  std::vector<double> sums(centres.values.size(), 0.0);
  std::vector<double> counts(centres.rows, 0.0);
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    const auto centre = static_cast<std::size_t>(assigned[row]);
    counts[centre] += 1;
    for (std::size_t i = 0; i < matrix.columns; ++i) {
      sums[centre * matrix.columns + i] += matrix.values[row * matrix.columns + i];
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double count = counts[i / matrix.columns];
    if (count > 0) centres.values[i] = static_cast<float>(sums[i] / count);
  }
}

}  // namespace

std::vector<std::size_t> rows_by_cluster(const cli::FloatMatrix& matrix, std::size_t clusters) {
  constexpr int rounds = 8;
  clusters = std::clamp<std::size_t>(clusters, 1, matrix.rows);
  cli::FloatMatrix centres{clusters, matrix.columns, {}};
  for (std::size_t i = 0; i < clusters; ++i) {
    const auto row = matrix.row(i * matrix.rows / clusters);
    centres.values.insert(centres.values.end(), row.begin(), row.end());
  }
  std::vector<Id> assigned;
  for (int round = 0; round < rounds; ++round) {
    assigned = nearest(matrix, centres);
    move_centres(matrix, assigned, centres);
  }
  std::vector<std::size_t> rows(matrix.rows);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::ranges::stable_sort(rows, {}, [&](std::size_t row) { return assigned[row]; });
  return rows;
}

}  // namespace vecinal::bench
