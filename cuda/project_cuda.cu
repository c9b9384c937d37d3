// Products of a matrix with rows by cuBLAS, in float32 throughout: the pedantic mode takes no TF32.
#include <cublas_v2.h>

#include <mutex>
#include <string>

#include "project.hpp"
#include "vecinal/error.hpp"

namespace vecinal::cuda {
namespace {

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw CudaError(std::string(what) + ": " + cublasGetStatusString(status));
}

/// One for all calls, which take turns: its workspace is tens of MiB.
struct Blas {
  Blas() {
    check(cublasCreate(&handle), "cublasCreate");
    check(cublasSetMathMode(handle, CUBLAS_PEDANTIC_MATH), "cublasSetMathMode");
  }
  cublasHandle_t handle = nullptr;
};

}  // namespace

void project(const ProjectRequest& request, Stream stream) {
  static std::mutex lock;
  const std::lock_guard guard(lock);
  static const Blas blas;  // lives as long as the process, as the backend does
  check(cublasSetStream(blas.handle, static_cast<cudaStream_t>(stream)), "cublasSetStream");
  const float one = 1;
  const float zero = 0;
  const auto rows = static_cast<int>(request.matrix_rows);
  const auto cols = static_cast<int>(request.cols);
  // In cuBLAS's order of columns: to = matrix^T * rows.
  check(cublasSgemm(blas.handle, CUBLAS_OP_T, CUBLAS_OP_N, rows, static_cast<int>(request.count),
                    cols, &one, request.matrix, cols, request.rows, cols, &zero, request.to, rows),
        "cublasSgemm");
  synchronize(stream);
}

}  // namespace vecinal::cuda
