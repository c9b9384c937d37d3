/// The parts of the module _core.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/typing.h>

#include "vecinal/config.hpp"

namespace vecinal::python {

void bind_index(pybind11::module_& module);

/// Names and values of any type.
using Record = pybind11::typing::Dict<pybind11::str, pybind11::object>;

[[nodiscard]] Record to_dict(const Config& config);

}  // namespace vecinal::python
