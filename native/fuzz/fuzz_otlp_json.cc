#include "harness.h"

using namespace mplp;
using namespace mplp::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Outcome alone = decode_all(data, size, BodyForm::otlp_json);
  if (alone.result.malformed.reason != nullptr || size > 1 << 16) return 0;
  // White space around the request changes nothing.
  std::vector<uint8_t> spaced{' ', '\n'};
  spaced.insert(spaced.end(), data, data + size);
  spaced.push_back('\t');
  const Outcome same = decode_all(spaced.data(), spaced.size(), BodyForm::otlp_json);
  check(same.result.total == alone.result.total && same.block == alone.block,
        "white space around a request does not count");
  return 0;
}
