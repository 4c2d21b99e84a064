#if defined(__x86_64__)
#define MPLP_KERNEL icelake
#define MPLP_HAS_AVX512 1
#define MPLP_HAS_AVX2 1
#define MPLP_HAS_SSE42 1
#include "../kernel_prelude.h"

MPLP_BEGIN_TARGET(
    "avx512f,avx512dq,avx512cd,avx512bw,avx512vbmi,avx512vbmi2,avx512vl,avx2,bmi,bmi2,pclmul,lzcnt,popcnt,"
    "sse4.2")
#include "../hot/kernel_code.h"
MPLP_END_TARGET

namespace mplp {
extern const Kernel kernel_icelake;
const Kernel kernel_icelake = {"icelake", icelake::create_span_decoder, icelake::crc32c,
                               icelake::content_hash};
}  // namespace mplp
#endif
