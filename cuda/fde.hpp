/// Launchers of FDE encoding (fde_cells.cu, fde.cu): multivector/fde_worker.hpp on a device.
#pragma once

#include "runtime.hpp"

namespace vecinal::cuda {

/// An encoder's tables in device memory. Panels hold 32 vectors: panel[d * 32 + vector].
struct FdeView {
  unsigned dim = 0;
  unsigned padded_dim = 0;  ///< of the sets' vectors
  unsigned repetitions = 0;
  unsigned k_sim = 0;
  unsigned width = 0;  ///< values of a projected vector
  double max_squared_norm = 0;
  const float* mean = nullptr;
  const float* planes = nullptr;  ///< in panels
  const float* rounding = nullptr;
  const std::uint32_t* sparse_dims = nullptr;
  const std::uint32_t* sparse_ends = nullptr;
  const float* dense = nullptr;  ///< in panels
  unsigned final_dim = 0;
  const std::uint32_t* final_starts = nullptr;   ///< final_dim + 1
  const std::uint32_t* final_sources = nullptr;  ///< 2 * index + 1 where the sign is negative

  [[nodiscard]] __host__ __device__ unsigned cells() const { return 1U << k_sim; }
  [[nodiscard]] __host__ __device__ unsigned plane_count() const { return repetitions * k_sim; }
  /// Words of a vector's signs, one for 32 planes.
  [[nodiscard]] __host__ __device__ unsigned sign_words() const {
    return (plane_count() + 31) / 32;
  }
  [[nodiscard]] __host__ __device__ bool projects() const {
    return sparse_dims != nullptr || dense != nullptr;
  }
  /// Values of a vector in all repetitions, where it is projected.
  [[nodiscard]] __host__ __device__ unsigned projections() const { return repetitions * width; }
  [[nodiscard]] __host__ __device__ std::size_t whole_dim() const {
    return std::size_t{repetitions} * cells() * width;
  }
};

/// Sets and what is made of them, in device memory; vectors of all sets one after another.
struct SetsView {
  unsigned sets = 0;
  unsigned vectors = 0;
  const std::uint32_t* ends = nullptr;  ///< the vector after the last one of each set
  const float* values = nullptr;        ///< padded_dim floats each
  std::uint32_t* faulty = nullptr;      ///< the first vector that cannot be used; else untouched
  float* centred = nullptr;             ///< as many
  float* lengths = nullptr;             ///< of centred vectors
  std::uint32_t* signs = nullptr;       ///< sign_words() each
  float* projected = nullptr;           ///< projections() each
  float* whole = nullptr;               ///< whole_dim() values a set
};

/// Looks for faulty vectors, takes the mean off and finds on which side of every plane the vectors
/// lie (fde_cells.cu).
void find_cells(const FdeView& fde, const SetsView& sets, Stream stream);

/// Inner projections of vectors, `from` being centred ones or those as they are.
void project_sets(const FdeView& fde, const SetsView& sets, const float* from, Stream stream);

/// Sums of cells; means, with empty cells filled.
struct Gathering {
  const float* from = nullptr;  ///< projected vectors, of the first repetition
  std::size_t pitch = 0;        ///< from one vector to the next
  unsigned shift = 0;           ///< from one repetition to the next
  bool means = false;
  bool fill = false;
};
void gather_cells(const FdeView& fde, const SetsView& sets, const Gathering& gathering,
                  Stream stream);

/// The final sketch: final_dim values a set.
void sketch(const FdeView& fde, const SetsView& sets, float* to, Stream stream);

}  // namespace vecinal::cuda
