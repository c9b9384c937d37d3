/// What the options of an index ask for before the first add: training on a sample of queries.
#pragma once

#include "matrix.hpp"
#include "options.hpp"
#include "vecinal/index.hpp"

namespace vecinal::cli {

/// Trains the index on the vectors and on the queries of a file, if one is given; without one the
/// first add() trains. Throws std::invalid_argument if the reduction needs queries and none are
/// given, and as read_floats() and Index::train() do.
void train_for(Index& index, const FloatMatrix& vectors, const IndexOptions& options);

}  // namespace vecinal::cli
