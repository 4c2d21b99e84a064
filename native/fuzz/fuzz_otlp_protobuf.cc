#include "harness.h"

using namespace mplp;
using namespace mplp::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Outcome alone = decode_all(data, size, BodyForm::otlp_protobuf);
  if (alone.result.malformed.reason != nullptr || size > 1 << 16) return 0;
  // A request is a list of resources, so two of them in a row are one request with the spans of both.
  std::vector<uint8_t> twice(data, data + size);
  twice.insert(twice.end(), data, data + size);
  const Outcome both = decode_all(twice.data(), twice.size(), BodyForm::otlp_protobuf);
  check(both.result.malformed.reason == nullptr && both.result.total == 2 * alone.result.total &&
            both.result.accepted == 2 * alone.result.accepted,
        "two requests in a row judge like one");
  return 0;
}
