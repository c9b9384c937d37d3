/// Products of a matrix with rows: project_cuda.cu by cuBLAS, emulation/project.cpp by loops.
#pragma once

#include "runtime.hpp"

namespace vecinal::cuda {

/// to[i * matrix_rows + r] = <row r of the matrix, row i>; rows of `cols` floats, one after
/// another.
struct ProjectRequest {
  const float* matrix = nullptr;
  const float* rows = nullptr;
  float* to = nullptr;
  std::size_t matrix_rows = 0;
  std::size_t cols = 0;
  std::size_t count = 0;
};

/// Returns when the products are in place. All in float32.
void project(const ProjectRequest& request, Stream stream);

}  // namespace vecinal::cuda
