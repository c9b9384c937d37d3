/// The parts of the module _core.
#pragma once

#include <pybind11/pybind11.h>

#include "vecinal/config.hpp"

namespace vecinal::python {

void bind_index(pybind11::module_& module);

[[nodiscard]] pybind11::dict to_dict(const Config& config);

}  // namespace vecinal::python
