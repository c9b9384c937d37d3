/// Other ways to the reductions of transform/reduce.hpp, and their loss, in double: what the closed
/// form is compared with. Nothing here uses the library's own formulas.
#pragma once

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "transform/reduce.hpp"

namespace vecinal::test {

using Dense = Eigen::MatrixXd;

inline Dense dense(const Moments& moments, std::size_t dim) {
  const auto n = static_cast<Eigen::Index>(dim);
  return Eigen::Map<const Dense>(moments.data(), n, n);
}

/// E x x^T over rows.
inline Moments moments_of(const Dense& rows) {
  const Dense product = rows.transpose() * rows / static_cast<double>(rows.rows());
  return {product.data(), product.data() + product.size()};
}

/// The directions of one side as columns.
inline Dense columns(const std::vector<double>& values, std::size_t dim) {
  const auto n = static_cast<Eigen::Index>(dim);
  return Eigen::Map<const Dense>(values.data(), n, static_cast<Eigen::Index>(values.size()) / n);
}

inline Projection projection(const Dense& a, const Dense& b) {
  Projection result;
  result.dim = static_cast<std::size_t>(a.rows());
  result.reduced_dim = static_cast<std::size_t>(a.cols());
  result.query.assign(a.data(), a.data() + a.size());
  result.data.assign(b.data(), b.data() + b.size());
  return result;
}

/// The first columns of both sides.
inline Projection prefix(const Projection& full, std::size_t kept) {
  const auto k = static_cast<Eigen::Index>(kept);
  return projection(columns(full.query, full.dim).leftCols(k),
                    columns(full.data, full.dim).leftCols(k));
}

/// E (<q, x> - <A^T q, B^T x>)^2, pair by pair: the definition.
inline double pairwise_loss(const Projection& p, const Dense& queries, const Dense& data) {
  const Dense a = queries * columns(p.query, p.dim);
  const Dense b = data * columns(p.data, p.dim);
  return (queries * data.transpose() - a * b.transpose()).squaredNorm() /
         (static_cast<double>(queries.rows()) * static_cast<double>(data.rows()));
}

/// The same from the moments: LeanVec's objective (TMLR 2024), its three traces.
inline double trace_loss(const Projection& p, const Dense& k_q, const Dense& k_x) {
  const Dense a = columns(p.query, p.dim);
  const Dense b = columns(p.data, p.dim);
  const Dense a_kq = a.transpose() * k_q;
  const Dense kx_b = k_x * b;
  return ((a_kq * a) * (b.transpose() * kx_b)).trace() - 2 * (a_kq * kx_b).trace() +
         k_q.cwiseProduct(k_x).sum();
}

/// R with R^T R = E x x^T over rows: a root of the moments that does not square their condition.
inline Dense root_of(const Dense& rows) {
  const Eigen::HouseholderQR<Dense> qr(rows / std::sqrt(static_cast<double>(rows.rows())));
  const Eigen::Index rank = std::min(rows.rows(), rows.cols());
  return qr.matrixQR().topRows(rank).triangularView<Eigen::Upper>();
}

/// A loss and how far rounding can put it off.
struct Loss {
  double value = 0;
  double rounding = 0;
};

/// || R_Q (A B^T - I) R_X^T ||^2: the loss without traces that cancel. Where its rounding is from:
/// - the products: each is off by at most D * 2^-53 times the norms of its factors (Higham, 3.13);
/// - the moments and the root of K_Q: as if K_Q and K_X were off by D * 2^-53 of their norms, and
/// the
///   loss is linear in either;
/// - the eigenvectors of K_Q^(1/2) K_X K_Q^(1/2): those of a matrix off by D * 2^-53 of its norm,
///   which costs up to twice that for what is kept and what is not.
inline Loss root_loss(const Projection& p, const Dense& r_q, const Dense& r_x) {
  const Dense a = columns(p.query, p.dim);
  const Dense b = columns(p.data, p.dim);
  const double unit = static_cast<double>(p.dim) * 0x1p-53;
  Loss loss;
  loss.value = ((r_q * a) * (r_x * b).transpose() - r_q * r_x.transpose()).squaredNorm();
  const double product = 3 * unit * r_q.norm() * (1 + a.norm() * b.norm()) * r_x.norm();
  const double query_side = (r_q * a * b.transpose() - r_q).norm() * r_x.norm();
  const double data_side = (r_x * b * a.transpose() - r_x).norm() * r_q.norm();
  loss.rounding = 2 * std::sqrt(loss.value) * product + product * product +
                  unit * (query_side * query_side + data_side * data_side) +
                  2 * unit * (r_q * r_x.transpose()).squaredNorm();
  return loss;
}

/// How far trace_loss() can be off, where its traces cancel: they are four products of D x D
/// matrices deep, each off by at most D * 2^-53 times the norms of its factors.
inline double trace_rounding(const Projection& p, const Dense& k_q, const Dense& k_x) {
  const double size = 1 + columns(p.query, p.dim).norm() * columns(p.data, p.dim).norm();
  return 4 * static_cast<double>(p.dim) * 0x1p-53 * k_q.norm() * k_x.norm() * size * size;
}

/// U V^T of the thin singular value decomposition U S V^T, as G (G^T G)^(-1/2). Directions without
/// a gradient are left out.
inline Dense polar(const Dense& gradient) {
  const Eigen::SelfAdjointEigenSolver<Dense> solver(gradient.transpose() * gradient);
  const double least = 1e-12 * solver.eigenvalues().maxCoeff();
  const Eigen::VectorXd inverse =
      solver.eigenvalues().unaryExpr([&](double s) { return s > least ? 1 / std::sqrt(s) : 0.0; });
  const Dense half = gradient * solver.eigenvectors();
  return half * inverse.asDiagonal() * solver.eigenvectors().transpose();
}

inline Dense top_eigenvectors(const Dense& moments, Eigen::Index d) {
  return Eigen::SelfAdjointEigenSolver<Dense>(moments).eigenvectors().rightCols(d);
}

/// LeanVec-OOD: Frank-Wolfe over the balls of spectral norm 1, block by block, from PCA.
inline Projection frank_wolfe(const Dense& k_q, const Dense& k_x, Eigen::Index d, int steps = 500) {
  const Dense k_qx = k_q * k_x;
  Dense a = top_eigenvectors(k_x, d);
  Dense b = a;
  double before = trace_loss(projection(a, b), k_q, k_x);
  for (int t = 0; t < steps; ++t) {
    const double step = 1.0 / std::pow(t + 1.0, 0.999);
    const Dense kx_b = k_x * b;
    a = (1 - step) * a + step * polar(k_qx * b - k_q * a * (b.transpose() * kx_b));
    const Dense kq_a = k_q * a;
    b = (1 - step) * b +
        step * polar(k_qx.transpose() * a - k_x * b * (a.transpose() * kq_a).transpose());
    const double loss = trace_loss(projection(a, b), k_q, k_x);
    if (t > 1 && std::fabs(loss - before) < 1e-3 * before) break;
    before = loss;
  }
  return projection(a, b);
}

/// The least of f on [0, 1]: the best of `grid` + 1 points, then golden sections around it.
inline double minimise(const std::function<double(double)>& f, int grid, int sections) {
  int best = 0;
  std::vector<double> values;
  for (int i = 0; i <= grid; ++i) {
    values.push_back(f(static_cast<double>(i) / grid));
    if (values.back() < values[static_cast<std::size_t>(best)]) best = i;
  }
  const double golden = (std::sqrt(5.0) - 1) / 2;
  double low = std::max(0.0, (best - 1.0) / grid);
  double high = std::min(1.0, (best + 1.0) / grid);
  double left = high - golden * (high - low);
  double right = low + golden * (high - low);
  double f_left = f(left);
  double f_right = f(right);
  for (int i = 0; i < sections; ++i) {
    if (f_left < f_right) {
      high = right;
      right = left;
      f_right = f_left;
      left = high - golden * (high - low);
      f_left = f(left);
    } else {
      low = left;
      left = right;
      f_left = f_right;
      right = low + golden * (high - low);
      f_right = f(right);
    }
  }
  const double least = std::min(f_left, f_right);
  if (least > values[static_cast<std::size_t>(best)]) return static_cast<double>(best) / grid;
  return f_left < f_right ? left : right;
}

/// LeanVec-ES: A = B = eigenvectors of a mixture of both moments; the best mixture.
inline Projection eigenvector_search(const Dense& k_q, const Dense& k_x, Eigen::Index d,
                                     int grid = 20, int sections = 12) {
  const Dense q = k_q / k_q.trace();
  const Dense x = k_x / k_x.trace();
  const auto shared = [&](double beta) {
    const Dense p = top_eigenvectors((1 - beta) * q + beta * x, d);
    return projection(p, p);
  };
  return shared(
      minimise([&](double beta) { return trace_loss(shared(beta), k_q, k_x); }, grid, sections));
}

inline Dense normal_values(Eigen::Index rows, Eigen::Index cols, std::mt19937& random) {
  std::normal_distribution<double> normal;
  return Dense::NullaryExpr(rows, cols, [&] { return normal(random); });
}

/// Data whose variance falls along rotated axes, and queries along axes turned a little and in
/// another order: both strong in a common subspace, each with some of its own.
struct RandomRows {
  Dense data;
  Dense queries;

  RandomRows(Eigen::Index data_count, Eigen::Index query_count, Eigen::Index dim, double decay,
             std::uint32_t seed) {
    std::mt19937 random(seed);
    const Dense axes = polar(normal_values(dim, dim, random));
    const Dense turn = normal_values(dim, dim, random) / std::sqrt(static_cast<double>(dim));
    const Dense turned = polar(axes + 0.3 * turn);
    Eigen::VectorXd data_scales(dim);
    Eigen::VectorXd query_scales(dim);
    for (Eigen::Index i = 0; i < dim; ++i) {
      data_scales[i] = std::pow(static_cast<double>(i + 1), -decay);
      query_scales[(i + dim / 4) % dim] = data_scales[i];
    }
    data = normal_values(data_count, dim, random) * data_scales.asDiagonal() * axes.transpose();
    queries =
        normal_values(query_count, dim, random) * query_scales.asDiagonal() * turned.transpose();
  }
};

}  // namespace vecinal::test
