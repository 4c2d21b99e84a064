#if defined(__x86_64__)
#define MPLP_KERNEL haswell
#define MPLP_HAS_AVX2 1
#define MPLP_HAS_SSE42 1
#include "../kernel_prelude.h"

MPLP_BEGIN_TARGET("avx2,bmi,bmi2,pclmul,lzcnt,popcnt,sse4.2")
#include "../hot/kernel_code.h"
MPLP_END_TARGET

namespace mplp {
extern const Kernel kernel_haswell;
const Kernel kernel_haswell = {"haswell", haswell::create_span_decoder, haswell::crc32c,
                               haswell::content_hash};
}  // namespace mplp
#endif
