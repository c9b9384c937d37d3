#include "backend/backend_library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "core/concat.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

constexpr const char* library_name = "libvecinal_cuda.so";

/// Where the library may lie, in order.
std::vector<std::string> places() {
  if (const char* given = std::getenv("VECINAL_CUDA_LIBRARY"); given != nullptr) return {given};
  std::vector<std::string> paths;
  Dl_info self{};
  if (dladdr(reinterpret_cast<const void*>(&open_cuda_backend), &self) != 0 &&
      self.dli_fname != nullptr) {
    const std::string file = self.dli_fname;
    if (const std::size_t slash = file.rfind('/'); slash != std::string::npos)
      paths.push_back(file.substr(0, slash + 1) + library_name);
  }
  paths.emplace_back(library_name);
  return paths;
}

template <class Function>
Function* find(void* library, const char* symbol) {
  return reinterpret_cast<Function*>(dlsym(library, symbol));
}

}  // namespace

std::unique_ptr<Backend> open_cuda_backend() {
  std::string faults;
  for (const std::string& path : places()) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      faults += concat(faults.empty() ? "" : "; ", dlerror());
      continue;
    }
    auto* interface = find<int()>(library, "vecinal_backend_interface");
    auto* open = find<Backend*()>(library, "vecinal_open_backend");
    if (interface == nullptr || open == nullptr)
      throw CudaError(concat("cuda: ", path, " is not a backend of vecinal"));
    if (interface() != backend_interface)
      throw CudaError(concat("cuda: ", path, " belongs to another version of vecinal (interface ",
                             interface(), ", expected ", backend_interface, ")"));
    return std::unique_ptr<Backend>(open());
  }
  throw CudaError(
      concat("cuda: the library ", library_name, " of vecinal cannot be opened: ", faults));
}

Backend& cuda_backend() {
  static std::mutex lock;
  static Backend* backend = nullptr;  // never freed: indexes may outlive static objects
  const std::lock_guard guard(lock);
  if (backend == nullptr) backend = open_cuda_backend().release();
  return *backend;
}

}  // namespace vecinal
