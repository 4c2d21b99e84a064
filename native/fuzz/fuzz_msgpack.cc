#include "harness.h"

using namespace mplp;
using namespace mplp::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Outcome alone = decode_all(data, size, BodyForm::msgpack);
  const bool is_map = size > 0 && ((data[0] & 0xf0) == 0x80 || data[0] == 0xde || data[0] == 0xdf);
  if (!is_map || alone.result.total != 1 || size > 1 << 16) return 0;
  // One map is judged the same alone, in an array, and before another one; unless it is cut off.
  std::vector<uint8_t> array{0x92};
  array.insert(array.end(), data, data + size);
  array.insert(array.end(), data, data + size);
  const Outcome in_array = decode_all(array.data(), array.size(), BodyForm::msgpack);
  if (in_array.result.malformed.reason != nullptr) {
    check(alone.result.accepted == 0, "an accepted map is whole");
    return 0;
  }
  const Outcome sequence = decode_all(array.data() + 1, array.size() - 1, BodyForm::msgpack);
  check(in_array.result.accepted == 2 * alone.result.accepted && in_array.block == sequence.block,
        "an array judges like a sequence");
  return 0;
}
