#include "harness.h"

using namespace mplp;
using namespace mplp::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Outcome whole = decode_all(data, size, BodyForm::ndjson);
  if (whole.result.malformed.reason != nullptr) return 0;
  // Every line by itself gives the same verdicts as all of them together.
  uint32_t total = 0, accepted = 0;
  size_t refusal = 0;
  // A decoder of its own for each input, so that the leak check sees them come and go.
  const std::unique_ptr<SpanDecoder> fresh = active_kernel().create_span_decoder();
  SpanDecoder& decoder = *fresh;
  for (size_t begin = 0; begin < size;) {
    const auto* line_break = static_cast<const uint8_t*>(std::memchr(data + begin, '\n', size - begin));
    const size_t end = line_break == nullptr ? size : static_cast<size_t>(line_break - data) + 1;
    const bool mark = begin > 0 && end - begin >= 3 && std::memcmp(data + begin, "\xef\xbb\xbf", 3) == 0;
    const Outcome line = decode_with(decoder, data + begin, end - begin, end - begin, BodyForm::ndjson);
    // A byte order mark is a fault of the body only where the body begins; elsewhere it is a broken line.
    const uint32_t in_line = mark ? 1 : line.result.total;
    check(in_line <= 1, "a line holds one span");
    total += in_line;
    accepted += line.result.accepted;
    if (in_line > line.result.accepted) {
      check(refusal < whole.result.refused.size() && whole.result.refused[refusal + 1] >= begin &&
                whole.result.refused[refusal + 2] <= end,
            "the broken line is the one refused");
      refusal += 3;
    }
    begin = end;
  }
  check(total == whole.result.total && accepted == whole.result.accepted, "lines are judged alone");
  return 0;
}
