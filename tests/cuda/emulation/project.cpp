// cuda/project.hpp where the device is the CPU.
#include "project.hpp"

namespace vecinal::cuda {

void project(const ProjectRequest& request, Stream) {
  for (std::size_t i = 0; i < request.count; ++i)
    for (std::size_t r = 0; r < request.matrix_rows; ++r) {
      float sum = 0;
      for (std::size_t d = 0; d < request.cols; ++d)
        sum += request.matrix[r * request.cols + d] * request.rows[i * request.cols + d];
      request.to[i * request.matrix_rows + r] = sum;
    }
}

}  // namespace vecinal::cuda
