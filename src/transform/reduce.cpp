#include "transform/reduce.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace vecinal {
namespace {

using Square = Eigen::MatrixXd;
using SquareView = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic>>;
using Columns = Eigen::Map<const Eigen::MatrixXd>;

SquareView view(const Moments& moments, std::size_t dim) {
  const auto n = static_cast<Eigen::Index>(dim);
  return {moments.data(), n, n};
}

Columns columns(const std::vector<double>& values, std::size_t dim) {
  const auto n = static_cast<Eigen::Index>(dim);
  return {values.data(), n, static_cast<Eigen::Index>(values.size()) / n};
}

// Products of Eigen stay behind these: each expression that has one takes seconds to compile.
Square times(const Square& a, const Square& b) { return a * b; }
Square transposed_times(const Square& a, const Square& b) { return a.transpose() * b; }
Square times_transposed(const Square& a, const Square& b) { return a * b.transpose(); }

/// B^T M B
Square along(const Square& b, const Square& moments) {
  return times(transposed_times(b, moments), b);
}

/// Signs are arbitrary; with the largest value positive they are the same everywhere.
void fix_signs(Square& directions) {
  for (Eigen::Index c = 0; c < directions.cols(); ++c) {
    Eigen::Index at = 0;
    directions.col(c).cwiseAbs().maxCoeff(&at);
    if (directions(at, c) < 0) directions.col(c) *= -1;
  }
}

/// Orders the columns by the energy <q, x>^2 they carry, and makes the answer.
Projection ordered(const Square& data, const Square& query, const Eigen::VectorXd& energy,
                   double total) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(energy.size()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return energy[a] > energy[b]; });
  Projection result;
  result.dim = static_cast<std::size_t>(data.rows());
  result.reduced_dim = order.size();
  for (const Eigen::Index c : order) {
    result.data.insert(result.data.end(), data.col(c).begin(), data.col(c).end());
    result.query.insert(result.query.end(), query.col(c).begin(), query.col(c).end());
    result.energy.push_back(total > 0 ? energy[c] / total : 0.0);
  }
  return result;
}

/// As asked, or chosen from eigenvalues in ascending order.
Eigen::Index resolve(std::size_t reduced_dim, const Eigen::VectorXd& eigenvalues) {
  const Eigen::VectorXd descending = eigenvalues.reverse();
  if (reduced_dim == 0) reduced_dim = choose_dim({descending.begin(), descending.end()});
  return static_cast<Eigen::Index>(reduced_dim);
}

}  // namespace

std::size_t choose_dim(const std::vector<double>& energies) {
  constexpr std::size_t step = 32;
  double total = 0;
  for (const double energy : energies) total += std::max(0.0, energy);
  double kept = 0;
  for (std::size_t d = 0; d < energies.size(); ++d) {
    kept += std::max(0.0, energies[d]);
    if (kept >= energy_kept * total) return std::min(energies.size(), (d + step) / step * step);
  }
  return energies.size();
}

Projection learn_pca(const Moments& data, std::size_t dim, std::size_t reduced_dim) {
  const Eigen::SelfAdjointEigenSolver<Square> solver(view(data, dim));
  const Eigen::Index d = resolve(reduced_dim, solver.eigenvalues());
  Square directions = solver.eigenvectors().rightCols(d);
  fix_signs(directions);
  const Eigen::VectorXd variances = solver.eigenvalues().tail(d).cwiseMax(0.0);
  return ordered(directions, directions, variances, solver.eigenvalues().cwiseMax(0.0).sum());
}

Projection learn_leanvec(const Moments& data, const Moments& queries, std::size_t dim,
                         std::size_t reduced_dim, double ridge) {
  const Square k_x = view(data, dim);
  Square k_q = view(queries, dim);
  k_q.diagonal().array() += ridge * k_q.trace() / static_cast<double>(dim);
  const Eigen::SelfAdjointEigenSolver<Square> root(k_q);
  const Eigen::VectorXd scales = root.eigenvalues().cwiseMax(0.0).cwiseSqrt();
  const Square w = times_transposed(root.eigenvectors() * scales.asDiagonal(), root.eigenvectors());
  const Eigen::SelfAdjointEigenSolver<Square> solver(times(times(w, k_x), w));
  // Roots, so that queries like the data give as many dims as their variances would.
  const Eigen::Index d = resolve(reduced_dim, solver.eigenvalues().cwiseMax(0.0).cwiseSqrt());
  const Square span = times(w, solver.eigenvectors().rightCols(d));
  const Square basis = Eigen::HouseholderQR<Square>(span).householderQ() *
                       Square::Identity(static_cast<Eigen::Index>(dim), d);
  const Eigen::SelfAdjointEigenSolver<Square> within(along(basis, k_x));
  Square directions = times(basis, within.eigenvectors());
  fix_signs(directions);
  Square query = times(k_x, directions);
  Eigen::VectorXd energy(d);
  const double floor = 1e-9 * k_x.trace() / static_cast<double>(dim);
  for (Eigen::Index c = 0; c < d; ++c) {
    const double variance = directions.col(c).dot(query.col(c));
    if (variance > floor)
      query.col(c) /= variance;
    else
      query.col(c) = directions.col(c);
    energy[c] = std::max(0.0, variance) * query.col(c).dot(k_q * query.col(c));
  }
  return ordered(directions, query, energy, (k_q * k_x).trace());
}

double reduction_loss(const Projection& reduction, const Moments& data, const Moments& queries) {
  const std::size_t dim = reduction.dim;
  const Square k_x = view(data, dim);
  const Square k_q = view(queries, dim);
  Square rest = times_transposed(columns(reduction.query, dim), columns(reduction.data, dim));
  rest -= Square::Identity(rest.rows(), rest.cols());
  return (along(rest, k_q) * k_x).trace();
}

}  // namespace vecinal
