// What is said where there is no device, or no library for it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "backend/backend_library.hpp"
#include "vecinal/error.hpp"

namespace vecinal::test {
namespace {

/// An environment variable that has another value until the end of the scope.
class Setting {
 public:
  Setting(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name); old != nullptr) old_ = old;
    setenv(name, value, 1);
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  ~Setting() {
    if (old_.empty())
      unsetenv(name_);
    else
      setenv(name_, old_.c_str(), 1);
  }

 private:
  const char* name_;
  std::string old_;
};

std::string fault() {
  try {
    static_cast<void>(open_cuda_backend());
  } catch (const CudaError& error) {
    return error.what();
  }
  return "";
}

TEST(Library, ThatIsMissingIsNamed) {
  const Setting missing("VECINAL_CUDA_LIBRARY", "/nowhere/libvecinal_cuda.so");
  EXPECT_NE(fault().find("/nowhere/libvecinal_cuda.so"), std::string::npos) << fault();
}

TEST(Library, ThatIsNoBackendIsRefused) {
  const Setting other("VECINAL_CUDA_LIBRARY", "libm.so.6");
  EXPECT_NE(fault().find("not a backend"), std::string::npos) << fault();
}

TEST(Library, WithoutADeviceSaysSo) {
  if (cuda_backend().name() != "emulation") GTEST_SKIP() << "there is a device";
  const Setting none("VECINAL_EMULATION_NO_DEVICE", "1");
  EXPECT_NE(fault().find("no CUDA device"), std::string::npos) << fault();
}

}  // namespace
}  // namespace vecinal::test
