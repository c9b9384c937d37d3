/// What train() learned: how vectors become the rows that are walked. Immutable once made.
///
///   vector - mean -> reduction (A for queries, B for data) -> rotation -> row
#pragma once

#include <cstdint>
#include <vector>

#include "transform/matrix.hpp"
#include "transform/rotation.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

enum class Side : std::uint8_t { query, data };

class Model {
 public:
  /// Of an index whose rows need no training: rows are the vectors.
  explicit Model(std::size_t dim) : dim_(dim), walk_dim_(dim) {}

  struct Parts {
    std::vector<float> mean;  ///< dim values
    std::size_t walk_dim = 0;
    bool reduced = false;         ///< there is a reduction, if only to all dims
    Matrix data;                  ///< B^T, walk_dim x dim; empty: the first walk_dim values
    Matrix query;                 ///< A^T; empty: as data
    std::size_t rotated_dim = 0;  ///< values of a row that are rotated, walk_dim or more; 0: none
    bool fitted = false;
    std::uint64_t seed = 0;
    double trained_error = 0;
  };
  explicit Model(Parts parts);

  [[nodiscard]] std::size_t dim() const { return dim_; }
  [[nodiscard]] std::size_t walk_dim() const { return walk_dim_; }
  [[nodiscard]] bool reduced() const { return reduced_; }
  [[nodiscard]] bool symmetric() const { return query_.empty(); }
  [[nodiscard]] bool rotated() const { return !rotation_.identity(); }

  /// Values of a row that are not always zero.
  [[nodiscard]] std::size_t filled_dim() const { return rotated() ? rotation_.dim() : walk_dim_; }
  [[nodiscard]] bool fitted() const { return fitted_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] double trained_error() const { return trained_error_; }
  [[nodiscard]] const std::vector<float>& mean() const { return mean_; }
  [[nodiscard]] const Matrix& data() const { return data_; }
  [[nodiscard]] const Matrix& query() const { return query_; }

  /// True if rows are the vectors as they are.
  [[nodiscard]] bool identity() const { return mean_.empty(); }

  /// In place; dim floats.
  void center(float* values) const;
  void uncenter(float* values) const;

  /// Centred vectors to rows of padded floats, zero past filled_dim(). Vectors
  /// have padded(dim) readable floats, zero past dim.
  void project(Side side, const Vectors& centred, float* to, std::size_t padded_dim) const;

  /// The inverse of project() where it loses nothing (no reduction): rows of padded floats to
  /// centred vectors, in place.
  void unproject(float* row) const { rotation_.undo(row); }

 private:
  std::size_t dim_;
  std::size_t walk_dim_;
  bool reduced_ = false;
  bool fitted_ = false;
  std::uint64_t seed_ = 0;
  double trained_error_ = 0;
  std::vector<float> mean_;
  Matrix data_;
  Matrix query_;
  Rotation rotation_;
};

}  // namespace vecinal
