/// Which quantizer suits the data: tried on a sample, by the neighbours that each one finds.
#pragma once

#include "core/progress.hpp"
#include "index/sample.hpp"
#include "transform/model.hpp"

namespace vecinal {

/// Sets rotated, fitted and trained_error of parts, whose reduction is learned. sample: centred.
/// Float rows have no quantizer: nothing is set.
void choose_quantizer(const Config& config, const Sample& sample, unsigned threads,
                      Model::Parts& parts, const Stretch& watch);

}  // namespace vecinal
