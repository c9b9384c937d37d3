/// Linear dimensionality reduction of inner products: <q, x> ~ <A^T q, B^T x>.
///
/// pca: A = B = principal directions (LeanVec-ID; Tepper et al., TMLR 2024).
/// leanvec: A != B, the least of E (<q, x> - <A^T q, B^T x>)^2 over the given queries and data, in
/// closed form (LeanVec-Sphering; GleanVec, arXiv 2410.22347): with W = K_Q^(1/2), the span of
/// W U_d, U the leading eigenvectors of W K_X W. We give its B orthonormal columns that are
/// uncorrelated over the data, so that distances between stored rows keep their meaning; the best A
/// for any such B is then a_i = K_X b_i / (b_i^T K_X b_i), column by column, so every prefix of the
/// columns is itself the best reduction to its span.
#pragma once

#include <cstddef>
#include <vector>

namespace vecinal {

/// Symmetric dim x dim matrix, row-major.
using Moments = std::vector<double>;

/// Columns are directions, best first; column i is [i * dim, (i + 1) * dim).
struct Projection {
  std::size_t dim = 0;
  std::size_t reduced_dim = 0;
  std::vector<double> query;   ///< A
  std::vector<double> data;    ///< B
  std::vector<double> energy;  ///< share of the weighted energy that each direction carries
};

/// The fewest dimensions, in steps of 32, that carry `energy_kept` of the sum of the energies.
[[nodiscard]] std::size_t choose_dim(const std::vector<double>& energies);
inline constexpr double energy_kept = 0.9;

/// K_X: second moments of the data about their mean. reduced_dim 0: chosen from the spectrum, here
/// and below.
[[nodiscard]] Projection learn_pca(const Moments& data, std::size_t dim, std::size_t reduced_dim);

/// K_Q: second moments of the queries about the mean of the data. Queries that do not span the
/// space are helped by a ridge of 1e-3 of the mean eigenvalue.
[[nodiscard]] Projection learn_leanvec(const Moments& data, const Moments& queries, std::size_t dim,
                                       std::size_t reduced_dim, double ridge = 1e-3);

/// E (<q, x> - <A^T q, B^T x>)^2 for any A and B: tr of (A B^T - I)^T K_Q (A B^T - I) K_X.
[[nodiscard]] double reduction_loss(const Projection& reduction, const Moments& data,
                                    const Moments& queries);

}  // namespace vecinal
