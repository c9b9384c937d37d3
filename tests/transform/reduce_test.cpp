#include "transform/reduce.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "support/stored_vectors.hpp"
#include "transform/reduction_references.hpp"

namespace vecinal {
namespace {

using test::columns;
using test::Dense;
using test::Loss;
using test::trace_loss;

Eigen::Index index(std::size_t n) { return static_cast<Eigen::Index>(n); }

/// Data and queries, and their moments.
struct Problem {
  std::size_t dim;
  Dense data;
  Dense queries;
  Moments data_moments;
  Moments query_moments;
  Dense k_x;
  Dense k_q;
  Dense r_x;
  Dense r_q;

  Problem(Dense data_rows, Dense query_rows)
      : dim(static_cast<std::size_t>(data_rows.cols())),
        data(std::move(data_rows)),
        queries(std::move(query_rows)),
        data_moments(test::moments_of(data)),
        query_moments(test::moments_of(queries)),
        k_x(test::dense(data_moments, dim)),
        k_q(test::dense(query_moments, dim)),
        r_x(test::root_of(data)),
        r_q(test::root_of(queries)) {}

  [[nodiscard]] Loss loss(const Projection& p) const { return test::root_loss(p, r_q, r_x); }
  [[nodiscard]] Projection leanvec(std::size_t d, double ridge = 0) const {
    return learn_leanvec(data_moments, query_moments, dim, d, ridge);
  }
  [[nodiscard]] Projection pca(std::size_t d) const { return learn_pca(data_moments, dim, d); }
};

Problem random_problem(std::size_t dim, std::uint32_t seed, double decay = 0.8) {
  test::RandomRows rows(index(6 * dim + 20), index(4 * dim + 20), index(dim), decay, seed);
  return {std::move(rows.data), std::move(rows.queries)};
}

/// Fewer vectors than dims on either side: moments without full rank.
Problem poor_problem(std::size_t dim, std::size_t data, std::size_t queries) {
  test::RandomRows rows(index(data), index(queries), index(dim), 0.5, 17);
  return {std::move(rows.data), std::move(rows.queries)};
}

/// D * d: what Householder's d reflections of D values add up to (Higham, theorem 19.4).
double orthogonality_rounding(std::size_t dim, std::size_t d) {
  return static_cast<double>(dim * std::max<std::size_t>(d, 2)) * 0x1p-53;
}

void expect_orthonormal(const Dense& b) {
  const Dense products = test::transposed_times(b, b);
  EXPECT_LE((products - Dense::Identity(b.cols(), b.cols())).cwiseAbs().maxCoeff(),
            2 * orthogonality_rounding(static_cast<std::size_t>(b.rows()),
                                       static_cast<std::size_t>(b.cols())));
}

/// The theorem (Eckart-Young): no A and B of d columns lose less.
void expect_no_worse(const Problem& problem, const Projection& best, const Projection& other,
                     const char* name) {
  ASSERT_EQ(best.reduced_dim, other.reduced_dim);
  const Loss least = problem.loss(best);
  const Loss loss = problem.loss(other);
  // The closed form sees moments only, whose products round by D^2 parts of 2^-53.
  const auto dim = static_cast<double>(problem.dim);
  const double moments = dim * dim * 0x1p-53 * problem.k_q.cwiseProduct(problem.k_x).sum();
  EXPECT_LE(least.value, (1 + 1e-9) * loss.value + least.rounding + loss.rounding + moments)
      << name << " with " << other.reduced_dim << " of " << problem.dim << " dims";
}

void expect_best_of_all(const Problem& problem, std::size_t d) {
  const Projection best = problem.leanvec(d);
  expect_no_worse(problem, best, problem.pca(d), "pca");
  expect_no_worse(problem, best, test::eigenvector_search(problem.k_q, problem.k_x, index(d)),
                  "eigenvector search");
  expect_no_worse(problem, best, test::frank_wolfe(problem.k_q, problem.k_x, index(d)),
                  "Frank-Wolfe");
}

void expect_finite(const Projection& p) {
  for (const auto* values : {&p.query, &p.data, &p.energy})
    for (const double value : *values) ASSERT_TRUE(std::isfinite(value));
}

TEST(Reduce, LossIsTheMeanSquaredErrorOverAllPairs) {
  for (const std::size_t dim : {1U, 5U, 24U, 33U}) {
    const Problem problem = random_problem(dim, 3);
    std::mt19937 random(4);
    for (const std::size_t d : {std::size_t{1}, (dim + 1) / 2, dim}) {
      const Projection any = test::projection(test::normal_values(index(dim), index(d), random),
                                              test::normal_values(index(dim), index(d), random));
      for (const Projection& p : {any, problem.leanvec(d), problem.pca(d)}) {
        const double rounding = test::trace_rounding(p, problem.k_q, problem.k_x);
        const double found = reduction_loss(p, problem.data_moments, problem.query_moments);
        EXPECT_NEAR(found, trace_loss(p, problem.k_q, problem.k_x), 2 * rounding);
        EXPECT_NEAR(found, problem.loss(p).value, 2 * rounding);
        // The rows are longer sums than the moments' D values.
        const double rows = static_cast<double>(problem.data.rows()) / static_cast<double>(dim);
        EXPECT_NEAR(found, test::pairwise_loss(p, problem.queries, problem.data), rows * rounding);
      }
    }
  }
}

TEST(Reduce, ClosedFormIsNoWorseThanAnyOtherMethod) {
  for (const std::size_t dim : {1U, 2U, 7U, 32U, 45U})
    for (std::size_t d = 1; d <= dim; d += std::max<std::size_t>(1, dim / 6))
      expect_best_of_all(random_problem(dim, static_cast<std::uint32_t>(100 * dim + d)), d);
  expect_best_of_all(random_problem(96, 1), 24);
  expect_best_of_all(random_problem(65, 2), 64);
}

TEST(Reduce, ClosedFormIsNoWorseOnFewVectorsAndSteepSpectra) {
  for (const std::size_t d : {1U, 6U, 12U, 23U}) {
    expect_best_of_all(poor_problem(24, 10, 200), d);
    expect_best_of_all(poor_problem(24, 200, 10), d);
    expect_best_of_all(poor_problem(24, 8, 5), d);
    expect_best_of_all(random_problem(24, 5, 4.0), d);  // variances from 1 to 1e-11
  }
}

/// The optimum without moments: the singular values of R_Q R_X^T that d directions must leave.
TEST(Reduce, ClosedFormReachesTheEckartYoungBound) {
  for (const std::size_t dim : {6U, 21U}) {
    const Problem problem = random_problem(dim, 8);
    const Eigen::VectorXd singular =
        test::singular_values(test::times_transposed(problem.r_q, problem.r_x));
    for (std::size_t d = 1; d <= dim; ++d) {
      const Loss loss = problem.loss(problem.leanvec(d));
      const double bound = singular.tail(singular.size() - index(d)).squaredNorm();
      EXPECT_NEAR(loss.value, bound, 1e-9 * bound + loss.rounding) << d << " of " << dim;
    }
  }
}

TEST(Reduce, DataDirectionsAreOrthonormalAndUncorrelated) {
  for (const std::size_t dim : {1U, 24U, 65U}) {
    const Problem problem = random_problem(dim, 5);
    for (const std::size_t d : {std::size_t{1}, (dim + 1) / 2, dim}) {
      for (const Projection& p : {problem.leanvec(d), problem.leanvec(d, 1e-3), problem.pca(d)}) {
        ASSERT_EQ(p.data.size(), dim * d);
        ASSERT_EQ(p.query.size(), dim * d);
        const Dense b = columns(p.data, dim);
        expect_orthonormal(b);
        Dense covariance = test::along(b, problem.k_x);
        covariance.diagonal().setZero();
        EXPECT_LE(covariance.cwiseAbs().maxCoeff(),
                  4 * orthogonality_rounding(dim, d) * problem.k_x.norm());
        EXPECT_TRUE(std::is_sorted(p.energy.rbegin(), p.energy.rend()));
      }
    }
  }
}

/// The loss is quadratic in A. If nothing is to be gained for a given B, a change E of A costs
/// exactly tr(E^T K_Q E B^T K_X B), which is never negative.
TEST(Reduce, EveryPrefixHasTheBestQuerySideForItsSpan) {
  const std::size_t dim = 21;
  const Problem problem = random_problem(dim, 7);
  const Projection learned = problem.leanvec(14);
  std::mt19937 random(1);
  for (std::size_t kept = 1; kept <= 14; ++kept) {
    const Projection first = test::prefix(learned, kept);
    const Dense a = columns(first.query, dim);
    const Dense b = columns(first.data, dim);
    for (const double size : {1e-3, 1e-1, 1.0}) {
      const Dense change = size * test::normal_values(a.rows(), a.cols(), random);
      const Projection other = test::projection(a + change, b);
      const double cost =
          test::along(change, problem.k_q).cwiseProduct(test::along(b, problem.k_x)).sum();
      const Loss least = problem.loss(first);
      const Loss loss = problem.loss(other);
      EXPECT_LE(least.value, loss.value);
      EXPECT_NEAR(loss.value - least.value, cost, least.rounding + loss.rounding);
    }
  }
}

TEST(Reduce, EnergiesAreTheSharesThatPrefixesKeep) {
  const std::size_t dim = 21;
  const Problem problem = random_problem(dim, 9);
  const double all = problem.k_q.cwiseProduct(problem.k_x).sum();
  const Projection learned = problem.leanvec(dim);
  double left = 1;
  for (std::size_t kept = 1; kept <= dim; ++kept) {
    left -= learned.energy[kept - 1];
    const Projection first = test::prefix(learned, kept);
    const Loss loss = problem.loss(first);
    // The shares are sums of up to D values themselves.
    EXPECT_NEAR(loss.value, left * all, loss.rounding + static_cast<double>(dim) * 0x1p-53 * all);
    expect_no_worse(problem, problem.leanvec(kept), first, "a prefix of all directions");
  }
}

TEST(Reduce, PrincipalDirectionsCarryTheLargestVariances) {
  for (const std::size_t dim : {1U, 24U, 33U}) {
    const Problem problem = random_problem(dim, 11);
    // Of the rows themselves: another way to the spectrum than the moments' eigenvectors.
    const Eigen::VectorXd variances = test::singular_values(problem.r_x).array().square();
    const double tolerance = static_cast<double>(dim) * static_cast<double>(problem.data.rows()) *
                             0x1p-53 * variances.sum();
    for (std::size_t d = 1; d <= dim; d += 4) {
      const Projection pca = problem.pca(d);
      EXPECT_EQ(pca.query, pca.data);
      const Dense b = columns(pca.data, dim);
      const double captured = test::along(b, problem.k_x).trace();
      EXPECT_NEAR(captured, variances.head(index(d)).sum(), tolerance);
      for (std::size_t c = 0; c < d; ++c)
        EXPECT_NEAR(pca.energy[c], variances[index(c)] / variances.sum(),
                    tolerance / variances.sum());
    }
  }
}

TEST(Reduce, SameMomentsGiveThePrincipalDirections) {
  const Dense rows = random_problem(24, 13).data;
  const Problem problem(rows, rows);
  for (const std::size_t d : {1U, 8U, 23U}) {
    const Loss pca = problem.loss(problem.pca(d));
    const Loss loss = problem.loss(problem.leanvec(d));
    EXPECT_NEAR(loss.value, pca.value, 1e-9 * pca.value + loss.rounding + pca.rounding);
  }
}

/// Judged on the distribution itself, the default ridge included: what is learned from 4000 queries
/// more than from the data is noise of the order D / 4000.
TEST(Reduce, QueriesLikeTheDataLoseAsMuchAsThePrincipalDirections) {
  const std::size_t dim = 24;
  std::mt19937 random(3);
  Eigen::VectorXd scales(24);
  for (Eigen::Index i = 0; i < 24; ++i) scales[i] = std::pow(static_cast<double>(i + 1), -0.8);
  const Problem sample(test::normal_values(8000, scales, random),
                       test::normal_values(4000, scales, random));
  const Dense truth = scales.array().square().matrix().asDiagonal();
  for (const std::size_t d : {1U, 6U, 12U}) {
    const double pca = trace_loss(sample.pca(d), truth, truth);
    EXPECT_NEAR(trace_loss(sample.leanvec(d, 1e-3), truth, truth), pca, dim / 4000.0 * pca);
    EXPECT_LE(sample.loss(sample.leanvec(d)).value, sample.loss(sample.pca(d)).value);
    EXPECT_GE(sample.loss(sample.leanvec(d)).value, 0.99 * sample.loss(sample.pca(d)).value);
  }
}

TEST(Reduce, AllDimensionsLoseNothing) {
  for (const std::size_t dim : {1U, 2U, 16U, 65U}) {
    const Problem problem = random_problem(dim, 15);
    for (const Projection& p :
         {problem.leanvec(dim), problem.leanvec(dim, 1e-3), problem.pca(dim)}) {
      const Loss loss = problem.loss(p);
      EXPECT_LE(loss.value, loss.rounding);
    }
  }
}

TEST(Reduce, DegenerateMomentsGiveFiniteOrthonormalDirections) {
  const std::size_t dim = 11;
  Moments rank_one(dim * dim);
  for (std::size_t i = 0; i < dim * dim; ++i)
    rank_one[i] = static_cast<double>((i / dim + 1) * (i % dim + 1));
  const Moments zero(dim * dim, 0.0);
  const Problem poor = poor_problem(dim, 3, 2);
  const std::vector<Moments> moments = {rank_one, zero, poor.data_moments, poor.query_moments};
  for (const Moments& data : moments) {
    for (const std::size_t d : {1U, 4U, 11U}) {
      std::vector<Projection> learned = {learn_pca(data, dim, d)};
      for (const Moments& queries : moments)
        for (const double ridge : {0.0, 1e-3})
          learned.push_back(learn_leanvec(data, queries, dim, d, ridge));
      for (const Projection& p : learned) {
        ASSERT_EQ(p.reduced_dim, d);
        expect_finite(p);
        expect_orthonormal(columns(p.data, dim));
      }
    }
  }
}

/// Rank one needs one direction, whatever the queries are.
TEST(Reduce, DataOnALineIsKeptByOneDirection) {
  Dense line(30, 9);
  for (Eigen::Index i = 0; i < line.size(); ++i)
    line.data()[i] = static_cast<double>(i % 30 - 10) * static_cast<double>(i / 30 + 1);
  const Problem problem(line, random_problem(9, 21).queries);
  for (const Projection& p : {problem.leanvec(1), problem.leanvec(1, 1e-3), problem.pca(1)}) {
    const Loss loss = problem.loss(p);
    EXPECT_LE(loss.value, loss.rounding);
  }
}

TEST(Reduce, DimsAreTheFewestStepsThatKeepTheEnergy) {
  EXPECT_EQ(choose_dim({}), 0U);
  EXPECT_EQ(choose_dim({1.0, 0.0, 0.0}), 3U);                 // never more than there are
  EXPECT_EQ(choose_dim(std::vector<double>(64, 0.0)), 32U);   // at least a step
  EXPECT_EQ(choose_dim(std::vector<double>(100, 1.0)), 96U);  // 90 are enough
  EXPECT_EQ(choose_dim(std::vector<double>(97, 1.0)), 96U);   // 88 are enough
  EXPECT_EQ(choose_dim(std::vector<double>(110, 1.0)), 110U);
  std::vector<double> steep(200, 1e-6);
  steep[0] = 1;
  EXPECT_EQ(choose_dim(steep), 32U);
  std::vector<double> rounded(64, 0.0);  // eigenvalues of what has no full rank
  std::fill_n(rounded.begin(), 33, 1.0);
  std::fill_n(rounded.begin() + 40, 24, -1.0);
  EXPECT_EQ(choose_dim(rounded), 32U);
}

TEST(Reduce, DimsThatAreNotGivenComeFromTheSpectrum) {
  const std::size_t dim = 100;
  for (const double decay : {0.0, 0.3, 2.0}) {
    const Problem problem = random_problem(dim, 23, decay);
    const Projection pca = problem.pca(0);
    EXPECT_EQ(pca.reduced_dim, choose_dim(problem.pca(dim).energy));
    EXPECT_EQ(pca.data, problem.pca(pca.reduced_dim).data);
    const Eigen::VectorXd energies =
        test::singular_values(test::times_transposed(problem.r_q, problem.r_x));
    const Projection learned = problem.leanvec(0);
    EXPECT_EQ(learned.reduced_dim, choose_dim({energies.begin(), energies.end()}));
    EXPECT_EQ(learned.data, problem.leanvec(learned.reduced_dim).data);
    const Problem alike(problem.data, problem.data);
    EXPECT_EQ(alike.leanvec(0).reduced_dim, pca.reduced_dim);
  }
}

TEST(Reduce, UnitsOfDataAndQueriesDoNotMatter) {
  const Problem problem = random_problem(20, 25);
  const Problem scaled(1e-12 * problem.data, 1e12 * problem.queries);
  for (const double ridge : {0.0, 1e-3}) {
    const Projection first = problem.leanvec(7, ridge);
    const Projection second = scaled.leanvec(7, ridge);
    const double loss = problem.loss(first).value;
    EXPECT_NEAR(scaled.loss(second).value, loss, 1e-9 * loss);
  }
}

/// Rows of a stored set about the mean of its data.
Problem stored_problem(const std::filesystem::path& data, const std::filesystem::path& queries) {
  const auto dense_rows = [](const test::StoredRows& rows) -> Dense {
    return Eigen::Map<const Dense>(rows.values.data(), index(rows.dim), index(rows.count))
        .transpose();
  };
  Dense x = dense_rows(test::read_unit_rows(data, 3000));
  Dense q = dense_rows(test::read_unit_rows(queries, 3000));
  const Eigen::RowVectorXd mean = x.colwise().mean();
  x.rowwise() -= mean;
  q.rowwise() -= mean;
  return {std::move(x), std::move(q)};
}

/// With few steps of the slow methods: any of them is an upper bound.
void expect_best_on_stored(const std::string& data, const std::string& queries, std::size_t d) {
  const auto data_file = test::stored_file(data);
  const auto query_file = test::stored_file(queries);
  if (!data_file || !query_file) GTEST_SKIP() << "VECINAL_DATA has no " << data;
  const Problem problem = stored_problem(*data_file, *query_file);
  const Projection best = problem.leanvec(d);
  expect_orthonormal(columns(best.data, problem.dim));
  expect_no_worse(problem, best, problem.pca(d), "pca");
  expect_no_worse(problem, best, test::eigenvector_search(problem.k_q, problem.k_x, index(d), 4, 0),
                  "eigenvector search");
  expect_no_worse(problem, best, test::frank_wolfe(problem.k_q, problem.k_x, index(d), 8),
                  "Frank-Wolfe");
}

TEST(ReduceStored, ClosedFormIsBestForTextsThatSeekImages) {
  expect_best_on_stored("shop_clip_text2image/base_image_f16.npy",
                        "shop_clip_text2image/queries_text_f16.npy", 128);
}

TEST(ReduceStored, ClosedFormIsBestForWordsThatSeekWords) {
  expect_best_on_stored("glove6b_100/base_f16.npy", "glove6b_100/queries_f16.npy", 25);
  if (!IsSkipped())
    expect_best_on_stored("glove6b_100/base_f16.npy", "glove6b_100/queries_f16.npy", 50);
}

}  // namespace
}  // namespace vecinal
