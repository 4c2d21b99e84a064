#if defined(__aarch64__)
#define MPLP_KERNEL arm64
#define MPLP_HAS_NEON 1
#if defined(__ARM_FEATURE_CRC32)
#define MPLP_HAS_ARM_CRC 1
#endif
#include "../kernel_prelude.h"

#include "../hot/kernel_code.h"

namespace mplp {
extern const Kernel kernel_arm64;
const Kernel kernel_arm64 = {"arm64", arm64::create_span_decoder, arm64::crc32c, arm64::content_hash};
}  // namespace mplp
#endif
