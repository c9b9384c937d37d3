/// The parts of the module _core.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/typing.h>

#include <vector>

#include "vecinal/config.hpp"
#include "vecinal/index.hpp"

namespace vecinal::python {

void bind_index(pybind11::module_& module);
void bind_open(pybind11::module_& module);
void bind_fde(pybind11::module_& module);

/// Names and values of any type.
using Record = pybind11::typing::Dict<pybind11::str, pybind11::object>;

/// Both ways between a Config and the keywords of vecinal.Index. to_config wants every key, with
/// "none" and 0 where to_dict gives None; a name that is not known is a std::invalid_argument.
[[nodiscard]] Config to_config(const Record& record);
[[nodiscard]] Record to_dict(const Config& config);

[[nodiscard]] Record to_dict(const SearchDefaults& defaults);
[[nodiscard]] Record to_dict(const Tuned& tuned);
[[nodiscard]] pybind11::list to_list(const std::vector<Tuned>& rows);

/// The same for the keywords of vecinal.FdeEncoder.
[[nodiscard]] FdeParams to_fde(const Record& record);
[[nodiscard]] Record to_dict(const FdeParams& params);

}  // namespace vecinal::python
