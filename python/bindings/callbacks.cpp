#include "callbacks.hpp"

#include <stdexcept>
#include <string>

#include "arrays.hpp"

namespace vecinal::python {
namespace {

/// Without a callable, a call that ends sooner than this never takes the interpreter lock.
constexpr auto signal_period = std::chrono::milliseconds(40);

bool is_true(const py::object& value) {
  const int truth = PyObject_IsTrue(value.ptr());
  if (truth < 0) throw py::error_already_set();
  return truth != 0;
}

/// ("label", labels), ("and", a, b), ("or", a, b) or ("not", a).
Filter to_joined(const py::tuple& parts) {
  const auto how = parts[0].cast<std::string>();
  if (how == "label") {
    const auto labels = parts[1].cast<Ids>();
    return Filter::any_label({labels.data(), static_cast<std::size_t>(labels.size())});
  }
  if (how == "not") return ~to_filter(parts[1]);
  if (how == "and") return to_filter(parts[1]) & to_filter(parts[2]);
  if (how == "or") return to_filter(parts[1]) | to_filter(parts[2]);
  throw py::value_error("filter: \"" + how + "\" is unknown");
}

}  // namespace

Filter to_filter(py::handle filter) {
  if (filter.is_none()) return {};
  if (py::isinstance<Ids>(filter)) {
    const auto ids = py::reinterpret_borrow<Ids>(filter);
    return Filter::ids({ids.data(), static_cast<std::size_t>(ids.size())});
  }
  if (py::isinstance<Words>(filter)) {
    const auto words = py::reinterpret_borrow<Words>(filter);
    return Filter::bitmap({words.data(), static_cast<std::size_t>(words.size())});
  }
  if (py::isinstance<py::tuple>(filter))
    return to_joined(py::reinterpret_borrow<py::tuple>(filter));
  if (PyCallable_Check(filter.ptr()) == 0)
    throw py::type_error("filter must be None, ids, a bitmap, a callable or a tuple");
  return Filter::predicate([filter](Id id) {
    const py::gil_scoped_acquire locked;
    return is_true(filter(id));
  });
}

bool Watch::report(std::size_t done, std::size_t total) {
  if (raised_) return false;
  if (callback_.is_none() && Clock::now() - checked_ < signal_period) return true;
  const py::gil_scoped_acquire locked;
  try {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    checked_ = Clock::now();
    return callback_.is_none() || ask(done, total);
  } catch (...) {
    raised_ = std::current_exception();
    return false;
  }
}

bool Watch::ask(std::size_t done, std::size_t total) const {
  const py::object answer = callback_(done, total);
  return answer.is_none() || is_true(answer);
}

thread_local const Inside* Inside::innermost_ = nullptr;

Inside::Inside(const Index& index, Effect effect) : index_(&index), outer_(innermost_) {
  if (effect == Effect::waits)
    for (const Inside* call = outer_; call != nullptr; call = call->outer_)
      if (call->index_ == index_)
        throw std::runtime_error(
            "this would wait for the call of the same index that made the callback; do it later");
  innermost_ = this;
}

}  // namespace vecinal::python
