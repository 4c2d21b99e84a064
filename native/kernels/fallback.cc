// For every processor: plain C++, and simdjson's first stage for the processor (or its plain one).
#define MPLP_KERNEL fallback
#define MPLP_ONE_LINE_WINDOWS 1
#include "../kernel_prelude.h"

#include "../hot/kernel_code.h"

namespace mplp {
extern const Kernel kernel_fallback;
const Kernel kernel_fallback = {"fallback", fallback::create_span_decoder, fallback::crc32c,
                                fallback::content_hash};
}  // namespace mplp
