/// Random sequences of calls for property tests, by RapidCheck: what fails is made shorter until
/// nothing can be left out, and printed.
///
/// RC_PARAMS says how many sequences and of what length ("max_success=10000 max_size=300"); without
/// it a hundred are run, the same ones each time.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <ostream>
#include <vector>

namespace vecinal::test {

/// Before RapidCheck looks for them.
inline const int same_each_time = ::setenv("RC_PARAMS", "seed=7", 0);

/// One call: which, and two numbers that say with what. A test takes them modulo what there is, so
/// that every sequence is allowed, shortened ones too.
struct Step {
  unsigned kind = 0;
  unsigned a = 0;
  unsigned b = 0;

  friend std::ostream& operator<<(std::ostream& out, const Step& step) {
    return out << '{' << step.kind << ", " << step.a << ", " << step.b << '}';
  }
};

/// Sequences of calls 0 .. kinds - 1.
inline rc::Gen<std::vector<Step>> steps(unsigned kinds) {
  // By themselves ranges grow with the sequence: short ones would make the first calls only.
  const auto below = [](unsigned end) {
    return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0U, end));
  };
  constexpr unsigned most = 1000;
  return rc::gen::container<std::vector<Step>>(rc::gen::build<Step>(
      rc::gen::set(&Step::kind, below(kinds)), rc::gen::set(&Step::a, below(most)),
      rc::gen::set(&Step::b, below(most))));
}

}  // namespace vecinal::test
