#if defined(__x86_64__)
#define MPLP_KERNEL westmere
#define MPLP_HAS_SSE42 1
#include "../kernel_prelude.h"

MPLP_BEGIN_TARGET("sse4.2,pclmul,popcnt")
#include "../hot/kernel_code.h"
MPLP_END_TARGET

namespace mplp {
extern const Kernel kernel_westmere;
const Kernel kernel_westmere = {"westmere", westmere::create_span_decoder, westmere::crc32c,
                                westmere::content_hash};
}  // namespace mplp
#endif
