/// Other ways to the reductions of transform/reduce.hpp, and their loss, in double: what the closed
/// form is compared with. Nothing here uses the library's own formulas. Products and solvers of
/// Eigen stay behind these functions: each expression that has one takes seconds to compile.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <random>
#include <vector>

#include "transform/reduce.hpp"

namespace vecinal::test {

using Dense = Eigen::MatrixXd;

Dense times(const Dense& a, const Dense& b);
/// A^T B
Dense transposed_times(const Dense& a, const Dense& b);
/// A B^T
Dense times_transposed(const Dense& a, const Dense& b);
/// B^T M B
Dense along(const Dense& b, const Dense& moments);

/// Of a square matrix, the largest first (one-sided Jacobi rotations).
Eigen::VectorXd singular_values(const Dense& square);

Dense dense(const Moments& moments, std::size_t dim);

/// E x x^T over rows.
Moments moments_of(const Dense& rows);

/// The directions of one side as columns.
Dense columns(const std::vector<double>& values, std::size_t dim);

Projection projection(const Dense& a, const Dense& b);

/// The first columns of both sides.
Projection prefix(const Projection& full, std::size_t kept);

/// E (<q, x> - <A^T q, B^T x>)^2, pair by pair: the definition.
double pairwise_loss(const Projection& p, const Dense& queries, const Dense& data);

/// The same from the moments: LeanVec's objective (TMLR 2024), its three traces.
double trace_loss(const Projection& p, const Dense& k_q, const Dense& k_x);

/// How far trace_loss() can be off, where its traces cancel: they are four products of D x D
/// matrices deep, each off by at most D * 2^-53 times the norms of its factors.
double trace_rounding(const Projection& p, const Dense& k_q, const Dense& k_x);

/// R with R^T R = E x x^T over rows: a root of the moments that does not square their condition.
Dense root_of(const Dense& rows);

/// A loss and how far rounding can put it off.
struct Loss {
  double value = 0;
  double rounding = 0;
};

/// || R_Q (A B^T - I) R_X^T ||^2: the loss without traces that cancel. Where its rounding is from:
/// - the products: each is off by at most D * 2^-53 times the norms of its factors (Higham, 3.13);
/// - the moments and the root of K_Q: as if K_Q and K_X were off by D * 2^-53 of their norms, and
///   the loss is linear in either;
/// - the eigenvectors of K_Q^(1/2) K_X K_Q^(1/2): those of a matrix off by D * 2^-53 of its norm,
///   which costs up to twice that for what is kept and what is not.
Loss root_loss(const Projection& p, const Dense& r_q, const Dense& r_x);

/// LeanVec-OOD: Frank-Wolfe over the balls of spectral norm 1, block by block, from PCA.
Projection frank_wolfe(const Dense& k_q, const Dense& k_x, Eigen::Index d, int steps = 500);

/// LeanVec-ES: A = B = eigenvectors of a mixture of both moments; the best mixture.
Projection eigenvector_search(const Dense& k_q, const Dense& k_x, Eigen::Index d, int grid = 20,
                              int sections = 12);

Dense normal_values(Eigen::Index rows, Eigen::Index cols, std::mt19937& random);

/// The same with column i times scales[i].
Dense normal_values(Eigen::Index rows, const Eigen::VectorXd& scales, std::mt19937& random);

/// Data whose variance falls along rotated axes, and queries along axes turned a little and in
/// another order: both strong in a common subspace, each with some of its own.
struct RandomRows {
  Dense data;
  Dense queries;

  RandomRows(Eigen::Index data_count, Eigen::Index query_count, Eigen::Index dim, double decay,
             std::uint32_t seed);
};

}  // namespace vecinal::test
