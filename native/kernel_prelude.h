#pragma once

// Everything the hot code includes, outside of any instruction-set region: functions of the standard library
// are compiled once for the whole program and must run on every processor.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <memory>
#include <new>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <arm_neon.h>
#endif

#include "columns.h"
#include "date_time.h"
#include "json_grammar.h"
#include "name_uuid.h"
#include "span_decoder.h"
#include "structural_index.h"

#define MPLP_INLINE inline __attribute__((always_inline))
#define MPLP_NOINLINE __attribute__((noinline, cold))
#define MPLP_LAMBDA_INLINE __attribute__((always_inline))
#define MPLP_LIKELY(x) __builtin_expect(!!(x), 1)
#define MPLP_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define MPLP_STRING_OF(x) #x
#define MPLP_STRING(x) MPLP_STRING_OF(x)

// Compiles what stands between the two lines for more instructions than the rest of the program may use.
#if defined(__clang__)
#define MPLP_PRAGMA(x) _Pragma(#x)
#define MPLP_BEGIN_TARGET(features) \
  MPLP_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define MPLP_END_TARGET _Pragma("clang attribute pop")
#else
#define MPLP_PRAGMA(x) _Pragma(#x)
#define MPLP_BEGIN_TARGET(features) _Pragma("GCC push_options") MPLP_PRAGMA(GCC target(features))
#define MPLP_END_TARGET _Pragma("GCC pop_options")
#endif
