/// From a sample of vectors to the Model that makes rows of them.
#pragma once

#include "core/progress.hpp"
#include "transform/model.hpp"
#include "vecinal/batch.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

/// True if rows of this config cannot be made without training.
[[nodiscard]] bool needs_training(const Config& config);

/// Vectors that train_model() looks at, at most.
[[nodiscard]] std::size_t sample_limit(const Config& config);

/// Learns mean, reduction and quantizer. queries: for leanvec_ood; else ignored but validated.
/// Throws std::invalid_argument (a wrong dim, a faulty row, too few vectors), NotTrained if
/// leanvec_ood has no queries, and what the watch throws.
[[nodiscard]] Model train_model(const Config& config, const Batch& sample, const Batch& queries,
                                unsigned threads, const Stretch& watch = {});

/// The quantizer that a model of codes stands for; never automatic.
[[nodiscard]] Quantizer quantizer_of(const Model& model);

/// Throws std::invalid_argument if the batch is of sets of vectors; `what` names the call.
void refuse_sets(const Batch& batch, const char* what);

/// Throws std::invalid_argument if a row of the batch cannot be used; `what` names the batch.
void validate_batch(const Config& config, const Batch& batch, const char* what);

}  // namespace vecinal
