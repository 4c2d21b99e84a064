#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace mplp {

enum class IndexFault : uint8_t { none, empty, faulty };

/// Positions of the tokens of a JSON text: brackets, colons, commas, the opening quote of each string and the
/// first byte of each number or literal, found by simdjson's first stage. The same pass proves that the text
/// is UTF-8, that every string is closed, and that no string holds a control character.
class StructuralIndex {
 public:
  /// `instruction_set` names a kernel of simdjson; the one it chose at load when it has none of that name.
  explicit StructuralIndex(const char* instruction_set);
  ~StructuralIndex();

  /// Reads exactly `size` bytes. Throws std::bad_alloc.
  IndexFault run(const uint8_t* text, size_t size);
  /// `count()` positions, followed by `kSentinels` entries that hold `size`, so that a reader may look ahead.
  const uint32_t* positions() const;
  size_t count() const;
  static constexpr size_t kSentinels = 4;
  /// Gives memory back when a large text was indexed.
  void trim(size_t keep_bytes);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

/// True when the bytes are well-formed UTF-8.
bool is_utf8(const uint8_t* text, size_t size);

/// Name of the instruction set simdjson chose at load.
const char* detected_instruction_set();

}  // namespace mplp
