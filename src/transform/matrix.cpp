#include "transform/matrix.hpp"

#include <algorithm>
#include <vector>

#include "core/parallel.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

/// Calls the tile kernel for a panel that is ready, without limits: scores[r * width + lane].
class Product {
 public:
  explicit Product(std::size_t most_rows)
      : table_(kernels::active()), products_(most_rows * table_.tile_queries) {}

  [[nodiscard]] std::size_t width() const { return table_.tile_queries; }

  const float* run(const float* rows, std::size_t stride, std::size_t count, std::size_t dim,
                   const float* panel) {
    table_.tile({rows, stride, count, dim, panel}, products_.data());
    return products_.data();
  }

 private:
  const kernels::KernelTable& table_;
  std::vector<float> products_;
};

void multiply_one(const Matrix& matrix, const float* vector, float* to) {
  const kernels::RowView view{reinterpret_cast<const std::byte*>(matrix.row(0)),
                              matrix.stride() * sizeof(float), matrix.stride(), 0};
  std::vector<std::uint32_t> rows(matrix.rows());
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = static_cast<std::uint32_t>(r);
  kernels::active().score[static_cast<std::size_t>(kernels::RowType::f32)][static_cast<std::size_t>(
      kernels::Op::negative_dot)]({.values = vector}, view, rows.data(), rows.size(), to);
  for (std::size_t r = 0; r < rows.size(); ++r) to[r] = -to[r];
}

}  // namespace

Matrix::Matrix(std::size_t rows, std::size_t cols)
    : rows_(rows), cols_(cols), stride_(kernels::padded(cols)), values_(rows * stride_) {}

void multiply(const Matrix& matrix, const Vectors& vectors, float* to, std::size_t to_stride) {
  // A panel costs as much for one vector as for a few.
  constexpr std::size_t few = 3;
  if (vectors.count <= few) {
    for (std::size_t i = 0; i < vectors.count; ++i)
      multiply_one(matrix, vectors.row(i), to + i * to_stride);
    return;
  }
  Product product(matrix.rows());
  const std::size_t width = product.width();
  std::vector<float> panel(matrix.stride() * width);
  for (std::size_t first = 0; first < vectors.count; first += width) {
    const std::size_t count = std::min(width, vectors.count - first);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t d = 0; d < matrix.cols(); ++d)
        panel[d * width + i] = vectors.row(first + i)[d];
    const float* products =
        product.run(matrix.row(0), matrix.stride(), matrix.rows(), matrix.stride(), panel.data());
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t r = 0; r < matrix.rows(); ++r)
        to[(first + i) * to_stride + r] = products[r * width + i];
  }
}

void add_moments(const Vectors& vectors, std::size_t cols, unsigned threads, double* moments,
                 const LoopWatch& watch) {
  // Few enough vectors a block that a float32 chain over them is as good as the data.
  constexpr std::size_t block = 512;
  const std::size_t width = kernels::active().tile_queries;
  std::vector<float> transposed(cols * block);
  for (std::size_t first = 0; first < vectors.count; first += block) {
    if (watch) watch(first);
    const std::size_t count = std::min(block, vectors.count - first);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t d = 0; d < cols; ++d) transposed[d * block + i] = vectors.row(first + i)[d];
    parallel_for({.count = (cols + width - 1) / width, .grain = 1, .threads = threads},
                 [&](std::size_t begin, std::size_t end, unsigned) {
                   Product product(cols);
                   std::vector<float> panel(count * width);
                   for (std::size_t strip = begin; strip < end; ++strip) {
                     const std::size_t column = strip * width;
                     const std::size_t lanes = std::min(width, cols - column);
                     for (std::size_t i = 0; i < count; ++i)
                       std::copy_n(vectors.row(first + i) + column, lanes,
                                   panel.data() + i * width);
                     const float* products = product.run(transposed.data() + column * block, block,
                                                         cols - column, count, panel.data());
                     for (std::size_t r = column; r < cols; ++r)
                       for (std::size_t lane = 0; lane < lanes; ++lane)
                         moments[r * cols + column + lane] +=
                             static_cast<double>(products[(r - column) * width + lane]);
                   }
                 });
  }
  for (std::size_t r = 0; r < cols; ++r)
    for (std::size_t c = r + 1; c < cols; ++c) moments[r * cols + c] = moments[c * cols + r];
}

}  // namespace vecinal
