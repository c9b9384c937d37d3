// Products of a matrix with rows by cuBLAS, in float32 throughout: its pedantic mode takes no TF32.
// cuBLAS is a library of hundreds of MiB that a machine with a driver need not have, so it is
// opened when it is first wanted.
#include <cublas_v2.h>
#include <dlfcn.h>

#include <mutex>
#include <string>

#include "project.hpp"
#include "vecinal/error.hpp"

namespace vecinal::cuda {
namespace {

/// What is used of cuBLAS, with a handle that serves all calls in turn: its workspace is tens of
/// MiB. It lives as long as the process, as the backend does.
class Blas {
 public:
  Blas() {
    const std::string name = "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR);
    library_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) throw CudaError("project needs " + name + ": " + dlerror());
    find(create_, "cublasCreate_v2");
    find(set_mode_, "cublasSetMathMode");
    find(set_stream_, "cublasSetStream_v2");
    find(multiply_, "cublasSgemm_v2");
    find(describe_, "cublasGetStatusString");
    check(create_(&handle_), "cublasCreate");
    check(set_mode_(handle_, CUBLAS_PEDANTIC_MATH), "cublasSetMathMode");
  }

  /// In cuBLAS's order of columns: to = matrix^T * rows.
  void multiply(const ProjectRequest& request, Stream stream) const {
    const float one = 1;
    const float zero = 0;
    const auto rows = static_cast<int>(request.matrix_rows);
    const auto cols = static_cast<int>(request.cols);
    check(set_stream_(handle_, static_cast<cudaStream_t>(stream)), "cublasSetStream");
    check(multiply_(handle_, CUBLAS_OP_T, CUBLAS_OP_N, rows, static_cast<int>(request.count), cols,
                    &one, request.matrix, cols, request.rows, cols, &zero, request.to, rows),
          "cublasSgemm");
  }

 private:
  template <class Function>
  void find(Function*& function, const char* symbol) const {
    function = reinterpret_cast<Function*>(dlsym(library_, symbol));
    if (function == nullptr) throw CudaError(std::string("project: cuBLAS has no ") + symbol);
  }
  void check(cublasStatus_t status, const char* what) const {
    if (status != CUBLAS_STATUS_SUCCESS)
      throw CudaError(std::string(what) + ": " + describe_(status));
  }

  void* library_ = nullptr;
  decltype(cublasCreate_v2)* create_ = nullptr;
  decltype(cublasSetMathMode)* set_mode_ = nullptr;
  decltype(cublasSetStream_v2)* set_stream_ = nullptr;
  decltype(cublasSgemm_v2)* multiply_ = nullptr;
  decltype(cublasGetStatusString)* describe_ = nullptr;
  cublasHandle_t handle_ = nullptr;
};

}  // namespace

void project(const ProjectRequest& request, Stream stream) {
  static std::mutex lock;
  const std::lock_guard guard(lock);
  static const Blas blas;
  blas.multiply(request, stream);
  synchronize(stream);
}

}  // namespace vecinal::cuda
