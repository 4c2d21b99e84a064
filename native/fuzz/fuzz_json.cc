#include "harness.h"

using namespace mplp;
using namespace mplp::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Outcome alone = decode_all(data, size, BodyForm::json);
  const bool is_span = alone.result.malformed.reason == nullptr && alone.result.total == 1 &&
                       (alone.result.accepted == 1 || alone.result.refused[1] == 0);
  if (!is_span || size > 1 << 16) return 0;
  size_t first = 0;
  while (first < size &&
         (data[first] == ' ' || data[first] == '\t' || data[first] == '\r' || data[first] == '\n'))
    ++first;
  if (first == size || data[first] == '[') return 0;

  // One span is judged the same alone, in an array, and (without line breaks) as a line.
  std::vector<uint8_t> array{'['};
  array.insert(array.end(), data, data + size);
  array.push_back(',');
  array.insert(array.end(), data, data + size);
  array.push_back(']');
  const Outcome twice = decode_all(array.data(), array.size(), BodyForm::json);
  check(twice.result.total == 2 && twice.result.accepted == 2 * alone.result.accepted,
        "an array judges like a document");
  if (std::memchr(data, '\n', size) == nullptr) {
    const Outcome line = decode_all(data, size, BodyForm::ndjson);
    check(line.result.total == 1 && line.block == alone.block, "a line judges like a document");
  }
  return 0;
}
