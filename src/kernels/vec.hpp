/// The primitives of the instruction set that a kernel source is compiled for.
#pragma once

#if defined(VECINAL_ISA_avx2)
#include "kernels/vec_avx2.hpp"
#elif defined(VECINAL_ISA_avx512) || defined(VECINAL_ISA_avx512_vnni)
#include "kernels/vec_avx512.hpp"
#elif defined(VECINAL_ISA_neon)
#include "kernels/vec_neon.hpp"
#else
#include "kernels/vec_scalar.hpp"
#endif
