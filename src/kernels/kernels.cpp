// Every kernel, once, over the primitives of vec_<isa>.hpp. This file is compiled once for each
// instruction set; VECINAL_ISA_<isa> says which. All but the table is in an anonymous namespace and
// no library header with code is included: an inline function that two objects share could be kept
// by the linker in its AVX-512 form and crash an older CPU. tests/arch checks the objects for weak
// symbols.
#include "kernels/kernels.hpp"

#include "kernels/cell_sums.hpp"
#include "kernels/cell_tile.hpp"
#include "kernels/code_conversions.hpp"
#include "kernels/code_rows.hpp"
#include "kernels/float_rows.hpp"
#include "kernels/hadamard.hpp"
#include "kernels/max_tile.hpp"
#include "kernels/pool_scan.hpp"
#include "kernels/sign_rows.hpp"
#include "kernels/signed_sums.hpp"
#include "kernels/step_tile.hpp"
#include "kernels/tile.hpp"
#include "kernels/transpose.hpp"

#if defined(VECINAL_ISA_scalar)
#define VECINAL_TABLE table_scalar
#elif defined(VECINAL_ISA_avx2)
#define VECINAL_TABLE table_avx2
#elif defined(VECINAL_ISA_avx512)
#define VECINAL_TABLE table_avx512
#elif defined(VECINAL_ISA_avx512_vnni)
#define VECINAL_TABLE table_avx512_vnni
#elif defined(VECINAL_ISA_neon)
#define VECINAL_TABLE table_neon
#else
#error "compile with VECINAL_ISA_<isa> defined"
#endif

namespace vecinal::kernels {

const KernelTable& VECINAL_TABLE() noexcept {
  static constexpr KernelTable table = {
      {{score<NegativeDot, RowF32>, score<L2, RowF32>},
       {score<NegativeDot, RowF16>, score<L2, RowF16>},
       {score_codes<Bytes>, score_codes<Bytes>},
       {score_nibbles, score_nibbles},
       {score_levels<Nibbles, Nibbles>, score_levels<Nibbles, Nibbles>},
       {score_levels<Nibbles, Bytes>, score_levels<Nibbles, Bytes>},
       {score_levels<Bytes, Bytes>, score_levels<Bytes, Bytes>}},
      tile,
      step_tile,
      tile_queries,
      raise_products,
      raise_code_products,
      transpose,
      panel_steps,
      find_cells,
      signed_sums,
      add_to_cells,
      cell_means,
      to_half,
      from_half,
      {encode8, decode8, widen8},
      {encode4, decode4, widen4},
      range,
      grid_error,
      magnitudes,
      to_steps,
      direction,
      sum_steps,
      hadamard,
      sign_table,
      estimate,
      pack_signs,
      least_of,
      count_up_to,
      keep_up_to,
      insert_key,
  };
  return table;
}

}  // namespace vecinal::kernels
