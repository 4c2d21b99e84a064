#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "../span_decoder.h"

/// Common part of the fuzz targets: decodes one body with every kernel this processor can run, with and
/// without slack behind the body, and stops when any of them sees it differently. The sanitizers watch the
/// memory meanwhile.
namespace mplp::fuzz {

struct Outcome {
  DecodeResult result;
  std::vector<uint8_t> block;
  uint32_t crc32c = 0;
};

inline void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

inline DecodeOptions options() {
  DecodeOptions options;
  options.project_id = "fuzz";
  options.seq_base = uint64_t{1} << 40;
  options.received_at_seconds = 1700000000;
  options.min_time_unix_nano = std::numeric_limits<int64_t>::min();
  options.max_time_unix_nano = std::numeric_limits<int64_t>::max();
  options.max_span_bytes = 1 << 20;
  return options;
}

inline Outcome decode_with(SpanDecoder& decoder, const uint8_t* body, size_t length, size_t readable,
                           BodyForm form) {
  Outcome outcome;
  decoder.decode(body, length, readable, form, options(), outcome.result);
  check(decoder.rows() == outcome.result.accepted, "rows are the accepted spans");
  outcome.block.resize(decoder.max_block_bytes());
  const Block block = decoder.take(outcome.block.data());
  check(block.bytes <= outcome.block.size(), "maxBlockBytes is an upper bound");
  check(block.rows == outcome.result.accepted, "the block has the accepted spans");
  outcome.block.resize(block.bytes);
  outcome.crc32c = block.crc32c;
  return outcome;
}

inline void check_same(const Outcome& a, const Outcome& b) {
  check(a.result.total == b.result.total && a.result.accepted == b.result.accepted, "kernels count the same");
  check(a.result.refused == b.result.refused, "kernels refuse the same");
  check(a.result.matches == b.result.matches, "kernels match the same");
  check(a.result.malformed.offset == b.result.malformed.offset, "kernels break at the same place");
  check((a.result.malformed.reason == nullptr) == (b.result.malformed.reason == nullptr) &&
            (a.result.malformed.reason == nullptr ||
             std::strcmp(a.result.malformed.reason, b.result.malformed.reason) == 0),
        "kernels give the same reason");
  check(a.block == b.block && a.crc32c == b.crc32c, "kernels write the same block");
}

inline void check_result(const DecodeResult& result, size_t length, BodyForm form) {
  check(result.refused.size() % 3 == 0, "refusals are triples");
  if (result.malformed.reason != nullptr) {
    check(result.total == 0 && result.refused.empty() && result.matches.empty(),
          "nothing of a malformed body");
    check(result.malformed.offset <= length, "the fault lies in the body");
    return;
  }
  check(result.total - result.accepted == result.refused.size() / 3 ||
            result.refused.size() / 3 == kMaxListedRefusals,
        "each span is accepted or refused");
  uint32_t behind = 0;
  for (size_t i = 0; i < result.refused.size(); i += 3) {
    check(result.refused[i] < result.total, "refusals are numbered");
    // A message of protobuf can be empty.
    check(result.refused[i + 1] >= behind &&
              (result.refused[i + 1] < result.refused[i + 2] ||
               (form == BodyForm::otlp_protobuf && result.refused[i + 1] == result.refused[i + 2])) &&
              result.refused[i + 2] <= length,
          "refused ranges lie in the body, in order");
    behind = result.refused[i + 2];
  }
}

inline std::vector<std::unique_ptr<SpanDecoder>>& decoders() {
  static auto* all = [] {
    auto* made = new std::vector<std::unique_ptr<SpanDecoder>>;
    for (const Kernel* kernel : usable_kernels()) {
      made->push_back(kernel->create_span_decoder());
      std::vector<TailFilter> filters(2);
      filters[0].project_id = filters[1].project_id = "fuzz";
      filters[1].status = "success";
      made->back()->set_tail_filters(std::move(filters), 4);
    }
    return made;
  }();
  return *all;
}

/// Decodes the body every way there is and returns the common outcome.
inline Outcome decode_all(const uint8_t* data, size_t length, BodyForm form) {
  // A copy of exact size, so that the sanitizer sees a read behind it; and one with misleading slack.
  std::vector<uint8_t> exact(data, data + length);
  std::vector<uint8_t> slack(data, data + length);
  static constexpr char kMisleading[] = "\"}]}0,\"\xc4\x10\x81";
  for (size_t i = 0; i < kPadding; ++i)
    slack.push_back(static_cast<uint8_t>(kMisleading[i % (sizeof kMisleading - 1)]));
  Outcome first;
  bool have_first = false;
  for (auto& decoder : decoders()) {
    Outcome plain = decode_with(*decoder, exact.data(), length, length, form);
    const Outcome slacked = decode_with(*decoder, slack.data(), length, slack.size(), form);
    check_same(plain, slacked);
    if (have_first) {
      check_same(first, plain);
    } else {
      first = std::move(plain);
      have_first = true;
    }
  }
  check_result(first.result, length, form);
  return first;
}

}  // namespace mplp::fuzz
