#include <cstring>

#include "span_decoder.h"
#include "structural_index.h"

namespace mplp {

#if defined(__x86_64__)
extern const Kernel kernel_icelake;
extern const Kernel kernel_haswell;
extern const Kernel kernel_westmere;
#elif defined(__aarch64__)
extern const Kernel kernel_arm64;
#endif
extern const Kernel kernel_fallback;

std::vector<const Kernel*> usable_kernels() {
  std::vector<const Kernel*> kernels;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool westmere = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul") &&
                        __builtin_cpu_supports("popcnt");
  const bool haswell = westmere && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                       __builtin_cpu_supports("bmi2");
  const bool icelake = haswell && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
                       __builtin_cpu_supports("avx512vbmi2");
  if (icelake) kernels.push_back(&kernel_icelake);
  if (haswell) kernels.push_back(&kernel_haswell);
  if (westmere) kernels.push_back(&kernel_westmere);
#elif defined(__aarch64__)
  kernels.push_back(&kernel_arm64);
#endif
  kernels.push_back(&kernel_fallback);
  return kernels;
}

const Kernel& active_kernel() {
  // simdjson's choice is followed, so that its switch for tests (SIMDJSON_FORCE_IMPLEMENTATION) selects both
  // halves.
  static const Kernel* const chosen = [] {
    const std::vector<const Kernel*> kernels = usable_kernels();
    for (const Kernel* kernel : kernels) {
      if (std::strcmp(kernel->name, detected_instruction_set()) == 0) return kernel;
    }
    return kernels.front();
  }();
  return *chosen;
}

}  // namespace mplp
