#include "transform/reduction_references.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <functional>

namespace vecinal::test {
namespace {

/// U V^T of the thin singular value decomposition U S V^T, as G (G^T G)^(-1/2). Directions without
/// a gradient are left out.
Dense polar(const Dense& gradient) {
  const Eigen::SelfAdjointEigenSolver<Dense> solver(transposed_times(gradient, gradient));
  const Dense vectors = solver.eigenvectors();
  const double least = 1e-12 * solver.eigenvalues().maxCoeff();
  Dense scaled = times(gradient, vectors);
  for (Eigen::Index c = 0; c < scaled.cols(); ++c) {
    const double value = solver.eigenvalues()[c];
    scaled.col(c) *= value > least ? 1 / std::sqrt(value) : 0.0;
  }
  return times_transposed(scaled, vectors);
}

Dense top_eigenvectors(const Dense& moments, Eigen::Index d) {
  return Eigen::SelfAdjointEigenSolver<Dense>(moments).eigenvectors().rightCols(d);
}

/// The least of f on [0, 1]: the best of `grid` + 1 points, then golden sections around it.
double minimise(const std::function<double(double)>& f, int grid, int sections) {
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

}  // namespace

Dense times(const Dense& a, const Dense& b) { return a * b; }
Dense transposed_times(const Dense& a, const Dense& b) { return a.transpose() * b; }
Dense times_transposed(const Dense& a, const Dense& b) { return a * b.transpose(); }
Dense along(const Dense& b, const Dense& moments) { return transposed_times(b, times(moments, b)); }

Eigen::VectorXd singular_values(const Dense& square) {
  return Eigen::JacobiSVD<Dense, Eigen::NoQRPreconditioner>(square).singularValues();
}

Dense dense(const Moments& moments, std::size_t dim) {
  const auto n = static_cast<Eigen::Index>(dim);
  return Eigen::Map<const Dense>(moments.data(), n, n);
}

Moments moments_of(const Dense& rows) {
  const Dense product = transposed_times(rows, rows) / static_cast<double>(rows.rows());
  return {product.data(), product.data() + product.size()};
}

Dense columns(const std::vector<double>& values, std::size_t dim) {
  const auto n = static_cast<Eigen::Index>(dim);
  return Eigen::Map<const Dense>(values.data(), n, static_cast<Eigen::Index>(values.size()) / n);
}

Projection projection(const Dense& a, const Dense& b) {
  Projection result;
  result.dim = static_cast<std::size_t>(a.rows());
  result.reduced_dim = static_cast<std::size_t>(a.cols());
  result.query.assign(a.data(), a.data() + a.size());
  result.data.assign(b.data(), b.data() + b.size());
  return result;
}

Projection prefix(const Projection& full, std::size_t kept) {
  const auto k = static_cast<Eigen::Index>(kept);
  return projection(columns(full.query, full.dim).leftCols(k),
                    columns(full.data, full.dim).leftCols(k));
}

double pairwise_loss(const Projection& p, const Dense& queries, const Dense& data) {
  const Dense a = times(queries, columns(p.query, p.dim));
  const Dense b = times(data, columns(p.data, p.dim));
  return (times_transposed(queries, data) - times_transposed(a, b)).squaredNorm() /
         (static_cast<double>(queries.rows()) * static_cast<double>(data.rows()));
}

double trace_loss(const Projection& p, const Dense& k_q, const Dense& k_x) {
  const Dense a = columns(p.query, p.dim);
  const Dense b = columns(p.data, p.dim);
  const Dense a_kq = transposed_times(a, k_q);
  const Dense kx_b = times(k_x, b);
  return times(times(a_kq, a), transposed_times(b, kx_b)).trace() - 2 * times(a_kq, kx_b).trace() +
         k_q.cwiseProduct(k_x).sum();
}

double trace_rounding(const Projection& p, const Dense& k_q, const Dense& k_x) {
  const double size = 1 + columns(p.query, p.dim).norm() * columns(p.data, p.dim).norm();
  return 4 * static_cast<double>(p.dim) * 0x1p-53 * k_q.norm() * k_x.norm() * size * size;
}

Dense root_of(const Dense& rows) {
  const Eigen::HouseholderQR<Dense> qr(rows / std::sqrt(static_cast<double>(rows.rows())));
  const Eigen::Index rank = std::min(rows.rows(), rows.cols());
  return qr.matrixQR().topRows(rank).triangularView<Eigen::Upper>();
}

Loss root_loss(const Projection& p, const Dense& r_q, const Dense& r_x) {
  const Dense a = columns(p.query, p.dim);
  const Dense b = columns(p.data, p.dim);
  const Dense reduced_q = times(r_q, a);
  const Dense reduced_x = times(r_x, b);
  const Dense products = times_transposed(r_q, r_x);
  const double unit = static_cast<double>(p.dim) * 0x1p-53;
  Loss loss;
  loss.value = (times_transposed(reduced_q, reduced_x) - products).squaredNorm();
  const double product = 3 * unit * r_q.norm() * (1 + a.norm() * b.norm()) * r_x.norm();
  const double query_side = (times_transposed(reduced_q, b) - r_q).norm() * r_x.norm();
  const double data_side = (times_transposed(reduced_x, a) - r_x).norm() * r_q.norm();
  loss.rounding = 2 * std::sqrt(loss.value) * product + product * product +
                  unit * (query_side * query_side + data_side * data_side) +
                  2 * unit * products.squaredNorm();
  return loss;
}

Projection frank_wolfe(const Dense& k_q, const Dense& k_x, Eigen::Index d, int steps) {
  const Dense k_qx = times(k_q, k_x);
  Dense a = top_eigenvectors(k_x, d);
  Dense b = a;
  double before = trace_loss(projection(a, b), k_q, k_x);
  for (int t = 0; t < steps; ++t) {
    const double step = 1.0 / std::pow(t + 1.0, 0.999);
    a = (1 - step) * a + step * polar(times(k_qx, b) - times(times(k_q, a), along(b, k_x)));
    b = (1 - step) * b +
        step * polar(transposed_times(k_qx, a) - times(times(k_x, b), along(a, k_q)));
    const double loss = trace_loss(projection(a, b), k_q, k_x);
    if (t > 1 && std::fabs(loss - before) < 1e-3 * before) break;
    before = loss;
  }
  return projection(a, b);
}

Projection eigenvector_search(const Dense& k_q, const Dense& k_x, Eigen::Index d, int grid,
                              int sections) {
  const Dense q = k_q / k_q.trace();
  const Dense x = k_x / k_x.trace();
  const auto shared = [&](double beta) {
    const Dense p = top_eigenvectors((1 - beta) * q + beta * x, d);
    return projection(p, p);
  };
  return shared(
      minimise([&](double beta) { return trace_loss(shared(beta), k_q, k_x); }, grid, sections));
}

Dense normal_values(Eigen::Index rows, Eigen::Index cols, std::mt19937& random) {
  std::normal_distribution<double> normal;
  return Dense::NullaryExpr(rows, cols, [&] { return normal(random); });
}

Dense normal_values(Eigen::Index rows, const Eigen::VectorXd& scales, std::mt19937& random) {
  return normal_values(rows, scales.size(), random) * scales.asDiagonal();
}

RandomRows::RandomRows(Eigen::Index data_count, Eigen::Index query_count, Eigen::Index dim,
                       double decay, std::uint32_t seed) {
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
  data = times_transposed(normal_values(data_count, data_scales, random), axes);
  queries = times_transposed(normal_values(query_count, query_scales, random), turned);
}

}  // namespace vecinal::test
