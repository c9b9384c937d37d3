// cuda/project.hpp where the device is the CPU.
#include "project.hpp"

#include "memory.hpp"

namespace vecinal::cuda {

void project(const ProjectRequest& request, Stream stream) {
  synchronize(stream);
  emulation::host_reads(request.matrix, request.matrix_rows * request.cols * sizeof(float));
  emulation::host_reads(request.rows, request.count * request.cols * sizeof(float));
  for (std::size_t i = 0; i < request.count; ++i)
    for (std::size_t r = 0; r < request.matrix_rows; ++r) {
      float sum = 0;
      for (std::size_t d = 0; d < request.cols; ++d)
        sum += request.matrix[r * request.cols + d] * request.rows[i * request.cols + d];
      request.to[i * request.matrix_rows + r] = sum;
    }
  emulation::host_writes(request.to, request.count * request.matrix_rows * sizeof(float));
}

}  // namespace vecinal::cuda
