#include "json_grammar.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

namespace mplp {
namespace {

constexpr const char* kUnexpected = "unexpected character";
constexpr const char* kTruncated = "truncated";

bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

int hex_value(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Length of the well-formed UTF-8 sequence at `text` (Unicode table 3-7), 0 when there is none.
size_t utf8_sequence(const uint8_t* text, size_t size) {
  const uint8_t lead = text[0];
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4 || size < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((text[i] & 0xc0) != 0x80) return 0;
  }
  if ((lead == 0xe0 && text[1] < 0xa0) || (lead == 0xed && text[1] > 0x9f) ||
      (lead == 0xf0 && text[1] < 0x90) || (lead == 0xf4 && text[1] > 0x8f)) {
    return 0;
  }
  return length;
}

class GrammarReader {
 public:
  GrammarReader(const uint8_t* text, size_t end, Malformed& fault) : text_(text), end_(end), fault_(fault) {}

  bool read(size_t& position) {
    position_ = position;
    const bool good = value();
    position = position_;
    return good;
  }

 private:
  bool fail(const char* reason) {
    fault_ = {position_, reason};
    return false;
  }
  /// Skips white space and looks at the next byte; false at the end.
  bool peek(uint8_t& c) {
    position_ = skip_white_space(text_, position_, end_);
    if (position_ >= end_) return fail(kTruncated);
    c = text_[position_];
    return true;
  }
  bool unexpected() {
    return fail(text_[position_] >= 0x80 && utf8_sequence(text_ + position_, end_ - position_) == 0
                    ? "invalid UTF-8"
                    : kUnexpected);
  }

  bool string() {
    const size_t opening = position_++;
    while (position_ < end_) {
      const uint8_t c = text_[position_];
      if (c == '"') {
        ++position_;
        return true;
      }
      if (c < 0x20) return fail(kUnexpected);
      if (c == '\\') {
        if (position_ + 1 >= end_) break;
        const uint8_t kind = text_[position_ + 1];
        if (kind == 'u') {
          if (read_hex4(text_ + position_ + 2, end_ - position_ - 2) < 0) {
            if (end_ - position_ - 2 < 4) break;
            return fail(kUnexpected);
          }
          position_ += 6;
        } else if (kind == '"' || kind == '\\' || kind == '/' || kind == 'b' || kind == 'f' || kind == 'n' ||
                   kind == 'r' || kind == 't') {
          position_ += 2;
        } else {
          ++position_;
          return unexpected();
        }
        continue;
      }
      const size_t length = utf8_sequence(text_ + position_, end_ - position_);
      if (length == 0) return fail("invalid UTF-8");
      position_ += length;
    }
    position_ = opening;
    return fail("unterminated string");
  }

  bool digits() {
    if (position_ >= end_) return fail(kTruncated);
    if (!is_digit(text_[position_])) return unexpected();
    while (position_ < end_ && is_digit(text_[position_])) ++position_;
    return true;
  }

  bool number() {
    if (text_[position_] == '-') ++position_;
    if (position_ < end_ && text_[position_] == '0') {
      ++position_;
    } else if (!digits()) {
      return false;
    }
    if (position_ < end_ && text_[position_] == '.') {
      ++position_;
      if (!digits()) return false;
    }
    if (position_ < end_ && (text_[position_] | 0x20) == 'e') {
      ++position_;
      if (position_ < end_ && (text_[position_] == '+' || text_[position_] == '-')) ++position_;
      if (!digits()) return false;
    }
    return true;
  }

  bool literal(const char* word) {
    for (; *word != '\0'; ++word, ++position_) {
      if (position_ >= end_) return fail(kTruncated);
      if (text_[position_] != static_cast<uint8_t>(*word)) return unexpected();
    }
    return true;
  }

  bool scalar(uint8_t c) {
    switch (c) {
      case '"':
        return string();
      case 't':
        return literal("true");
      case 'f':
        return literal("false");
      case 'n':
        return literal("null");
      default:
        return c == '-' || is_digit(c) ? number() : unexpected();
    }
  }

  bool key() {
    uint8_t c;
    if (!peek(c)) return false;
    if (c != '"') return unexpected();
    if (!string() || !peek(c)) return false;
    if (c != ':') return unexpected();
    ++position_;
    return true;
  }

  bool value() {
    // One entry an open bracket: true for an object.
    std::vector<bool> open;
    for (;;) {
      uint8_t c;
      if (!peek(c)) return false;
      bool complete = true;
      if (c == '{' || c == '[') {
        ++position_;
        uint8_t next;
        if (!peek(next)) return false;
        if (next == (c == '{' ? '}' : ']')) {
          ++position_;
        } else {
          open.push_back(c == '{');
          if (c == '{' && !key()) return false;
          complete = false;
        }
      } else if (!scalar(c)) {
        return false;
      }
      while (complete) {
        if (open.empty()) return true;
        if (!peek(c)) return false;
        if (c == ',') {
          ++position_;
          if (open.back() && !key()) return false;
          complete = false;
        } else if (c == (open.back() ? '}' : ']')) {
          ++position_;
          open.pop_back();
        } else {
          return unexpected();
        }
      }
    }
  }

  const uint8_t* text_;
  size_t end_;
  size_t position_ = 0;
  Malformed& fault_;
};

size_t put_utf8(uint32_t code, uint8_t* out) {
  if (code < 0x80) {
    out[0] = static_cast<uint8_t>(code);
    return 1;
  }
  if (code < 0x800) {
    out[0] = static_cast<uint8_t>(0xc0 | code >> 6);
    out[1] = static_cast<uint8_t>(0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = static_cast<uint8_t>(0xe0 | code >> 12);
    out[1] = static_cast<uint8_t>(0x80 | (code >> 6 & 0x3f));
    out[2] = static_cast<uint8_t>(0x80 | (code & 0x3f));
    return 3;
  }
  out[0] = static_cast<uint8_t>(0xf0 | code >> 18);
  out[1] = static_cast<uint8_t>(0x80 | (code >> 12 & 0x3f));
  out[2] = static_cast<uint8_t>(0x80 | (code >> 6 & 0x3f));
  out[3] = static_cast<uint8_t>(0x80 | (code & 0x3f));
  return 4;
}

/// Reads the escape at `text` (which holds the backslash): its length in the text, 0 when it is not valid.
size_t read_escape(const uint8_t* text, size_t size, uint32_t& code) {
  if (size < 2) return 0;
  switch (text[1]) {
    case '"':
    case '\\':
    case '/':
      code = text[1];
      return 2;
    case 'b':
      code = '\b';
      return 2;
    case 'f':
      code = '\f';
      return 2;
    case 'n':
      code = '\n';
      return 2;
    case 'r':
      code = '\r';
      return 2;
    case 't':
      code = '\t';
      return 2;
    case 'u':
      break;
    default:
      return 0;
  }
  const int32_t first = read_hex4(text + 2, size - 2);
  if (first < 0) return 0;
  code = static_cast<uint32_t>(first);
  if (first < 0xd800 || first > 0xdfff) return 6;
  if (first > 0xdbff || size < 12 || text[6] != '\\' || text[7] != 'u') return 0;
  const int32_t second = read_hex4(text + 8, size - 8);
  if (second < 0xdc00 || second > 0xdfff) return 0;
  code = 0x10000 + (static_cast<uint32_t>(first - 0xd800) << 10) + static_cast<uint32_t>(second - 0xdc00);
  return 12;
}

const uint8_t* find_backslash(const uint8_t* text, size_t size) {
  return size == 0 ? nullptr : static_cast<const uint8_t*>(std::memchr(text, '\\', size));
}

}  // namespace

int32_t read_hex4(const uint8_t* text, size_t size) {
  if (size < 4) return -1;
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_value(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

size_t read_json_value(const uint8_t* text, size_t position, size_t end, size_t& start, Malformed& fault) {
  start = skip_white_space(text, position, end);
  position = start;
  GrammarReader(text, end, fault).read(position);
  return position;
}

size_t unescape_json(const uint8_t* content, size_t size, uint8_t* out) {
  size_t written = 0;
  size_t i = 0;
  while (i < size) {
    const uint8_t* next = find_backslash(content + i, size - i);
    const size_t plain = next == nullptr ? size - i : static_cast<size_t>(next - content) - i;
    std::memmove(out + written, content + i, plain);
    written += plain;
    i += plain;
    if (next == nullptr) break;
    uint32_t code;
    const size_t length = read_escape(content + i, size - i, code);
    if (length == 0) return SIZE_MAX;
    written += put_utf8(code, out + written);
    i += length;
  }
  return written;
}

double read_double(const uint8_t* number, size_t size) {
  const auto* begin = reinterpret_cast<const char*>(number);
  double value = 0;
  // What is too small for a double is left as it was.
  if (std::from_chars(begin, begin + size, value).ec != std::errc{}) value = number[0] == '-' ? -0.0 : 0.0;
  return value;
}

bool number_is_finite(const uint8_t* number, size_t size) {
  // Reading rounds up to infinity from 2^1024 - 2^970 on, halfway between the largest double and 2^1024. That
  // is an integer of 309 digits, so digits decide without any arithmetic.
  static constexpr char kLimit[] =
      "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096"
      "33028641"
      "669288791094655554785194040263065748867150582068190890200070838367627385484581771153176447573027006985"
      "55713669"
      "59622842914819860834936475292719074168444365510704342711559699508093042880177904174497792";
  constexpr int64_t kLimitDigits = sizeof(kLimit) - 1;
  static_assert(kLimitDigits == 309);

  size_t i = number[0] == '-' ? 1 : 0;
  const size_t mantissa = i;
  int64_t integer_digits = 0;
  while (i < size && is_digit(number[i])) ++i, ++integer_digits;
  if (i < size && number[i] == '.') {
    ++i;
    while (i < size && is_digit(number[i])) ++i;
  }
  const size_t mantissa_end = i;
  int64_t exponent = 0;
  if (i < size) {
    ++i;
    const bool negative = number[i] == '-';
    if (negative || number[i] == '+') ++i;
    constexpr int64_t kEnough = int64_t{1} << 40;  // beyond any body
    for (; i < size; ++i) exponent = std::min(exponent * 10 + (number[i] - '0'), kEnough);
    if (negative) exponent = -exponent;
  }
  // The value is 0.d1d2d3… times ten to the power of `magnitude`, with d1 the first digit that is not zero.
  int64_t magnitude = integer_digits + exponent;
  size_t first = mantissa;
  while (first < mantissa_end && (number[first] == '0' || number[first] == '.')) {
    if (number[first] == '0') --magnitude;
    ++first;
  }
  if (first == mantissa_end || magnitude < kLimitDigits) return true;
  if (magnitude > kLimitDigits) return false;
  int64_t compared = 0;
  for (size_t k = first; k < mantissa_end && compared < kLimitDigits; ++k) {
    if (number[k] == '.') continue;
    if (number[k] != kLimit[compared]) return number[k] < kLimit[compared];
    ++compared;
  }
  return compared < kLimitDigits;  // fewer digits, and the limit does not end in zeros: smaller
}

}  // namespace mplp
