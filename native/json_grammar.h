#pragma once

#include <cstddef>
#include <cstdint>

#include "span_decoder.h"

/// The plain, byte-by-byte reading of JSON (RFC 8259). It runs only where the fast decoder stopped: to say
/// where a body breaks, and to find the end of a refused element. It knows no depth limit and needs no stack.
namespace mplp {

/// Reads one value that starts at or behind `position` (white space is skipped). Returns the position behind
/// it and sets `start`, or fills `fault` when the text is no JSON up to there; nothing at or behind `end` is
/// read.
size_t read_json_value(const uint8_t* text, size_t position, size_t end, size_t& start, Malformed& fault);

/// First position at or behind `position` that holds no JSON white space.
inline size_t skip_white_space(const uint8_t* text, size_t position, size_t end) {
  while (position < end && (text[position] == ' ' || text[position] == '\n' || text[position] == '\r' ||
                            text[position] == '\t')) {
    ++position;
  }
  return position;
}

/// Removes JSON white space from the end of [start, end).
inline size_t trim_white_space(const uint8_t* text, size_t start, size_t end) {
  while (end > start &&
         (text[end - 1] == ' ' || text[end - 1] == '\n' || text[end - 1] == '\r' || text[end - 1] == '\t')) {
    --end;
  }
  return end;
}

/// Decodes the escapes of a JSON string's content into `out`, which needs `size` bytes. Returns the length,
/// or SIZE_MAX for an unknown escape or a lone surrogate.
size_t unescape_json(const uint8_t* content, size_t size, uint8_t* out);

/// Value of the four hex digits that `text` begins with, -1 when there are none.
int32_t read_hex4(const uint8_t* text, size_t size);

/// True when a number that follows the JSON grammar is finite once read as a double.
bool number_is_finite(const uint8_t* number, size_t size);

/// The double nearest to a number that follows the JSON grammar and is finite.
double read_double(const uint8_t* number, size_t size);

}  // namespace mplp
