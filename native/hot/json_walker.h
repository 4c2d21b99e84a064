#pragma once

namespace mplp::MPLP_KERNEL {

/// Deepest nesting; the span object itself is depth 1.
inline constexpr unsigned kMaxDepth = 64;

/// Walks the tokens that simdjson's first stage found in a text, once, and checks the grammar and the lexical
/// rules on the way. It only says yes or no: why a body cannot be read, and where a refused element ends, is
/// the job of json_grammar.h.
class JsonWalker {
 protected:
  using Position = const uint32_t*;

  JsonWalker(const char* instruction_set, uint64_t seed) : index_(instruction_set), keys_(seed) {}

  void release() {
    index_.trim(kKeepBytes / 8);
    keys_.release();
    arena_.reset(kKeepBytes);
  }

  static bool has_byte_order_mark(const uint8_t* body, size_t length) {
    return length >= 3 && is_word(body, "\xef\xbb\xbf");
  }

  /// Where and why a body is no JSON document.
  static Malformed find_fault(const uint8_t* body, size_t length) {
    if (has_byte_order_mark(body, length)) return {0, "byte order mark"};
    if (skip_white_space(body, 0, length) == length) return {0, "empty"};
    Malformed fault;
    size_t start;
    const size_t end = read_json_value(body, 0, length, start, fault);
    if (fault.reason != nullptr) return fault;
    return {skip_white_space(body, end, length), "trailing characters"};
  }

  static const uint8_t* find(const uint8_t* from, const uint8_t* end, char c) {
    return from < end ? static_cast<const uint8_t*>(std::memchr(from, c, static_cast<size_t>(end - from)))
                      : nullptr;
  }

  /// Prepares the walk over [text, text + size); false when the first stage refuses the text.
  bool start(const uint8_t* text, size_t size, IndexFault& fault) {
    fault = index_.run(text, size);
    if (fault != IndexFault::none) return false;
    text_ = text;
    size_ = size;
    stop_ = index_.positions() + index_.count();
    limit_ = size;
    find_escape(0);
    return true;
  }

  // ---- strings ----

  /// Finds the first backslash at or behind `from`.
  void find_escape(size_t from) {
    const uint8_t* found = find(text_ + from, text_ + size_, '\\');
    escape_ = found == nullptr ? SIZE_MAX : static_cast<size_t>(found - text_);
  }

  /// Content of the string whose opening quote is at `p`. Only white space can stand between its closing
  /// quote and the next token, because anything else would be a token.
  MPLP_INLINE Text string_at(Position p) const {
    const size_t begin = p[0] + size_t{1};
    size_t end = p[1] - size_t{1};
    while (MPLP_UNLIKELY(text_[end] != '"')) --end;
    return {text_ + begin, end - begin};
  }

  MPLP_INLINE bool may_have_escape(Text content) const {
    return MPLP_UNLIKELY(escape_ < static_cast<size_t>(content.data + content.size - text_));
  }

  /// True when there is a backslash in the content. Moves on from backslashes that lie before it.
  MPLP_NOINLINE bool has_escape(Text content) {
    const auto begin = static_cast<size_t>(content.data - text_);
    if (escape_ < begin) find_escape(begin);
    return escape_ < begin + content.size;
  }

  MPLP_NOINLINE bool check_escapes(Text content) {
    if (!has_escape(content)) return true;
    const auto begin = static_cast<size_t>(content.data - text_);
    if (!escapes_are_valid({text_ + escape_, begin + content.size - escape_})) return false;
    find_escape(begin + content.size);
    return true;
  }

  /// Checks the escapes of a text that does not begin within one: known kinds, and surrogates in pairs.
  static bool escapes_are_valid(Text content) {
    size_t low_surrogate = 0;  // where the `u` of the second half of a pair must stand
    bool carry = false;
    for (size_t base = 0; base < content.size; base += 64) {
      const Chunk chunk(content.data + base);
      const size_t left = content.size - base;
      const uint64_t inside = left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
      const uint64_t escaping = escaping_backslashes(chunk.equal('\\') & inside, carry);
      const uint64_t escaped = (escaping << 1 | uint64_t{carry}) & inside;
      carry = escaping >> 63;
      if (escaped == 0) continue;
      if ((escaped & ~chunk.escape_kinds()) != 0) return false;
      for (uint64_t unicode = escaped & chunk.equal('u'); unicode != 0; unicode &= unicode - 1) {
        const size_t at = base + static_cast<size_t>(std::countr_zero(unicode));
        const int32_t unit = read_hex4(content.data + at + 1, content.size - at - 1);
        const bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
        if (unit < 0 || is_low != (low_surrogate == at) || (low_surrogate != 0 && !is_low)) return false;
        low_surrogate = unit >= 0xd800 && unit <= 0xdbff ? at + 6 : 0;
      }
    }
    return low_surrogate == 0;
  }

  /// Replaces the content by its decoded form, which lies in the arena until the next span.
  MPLP_NOINLINE bool decode_escapes(Text& content) {
    if (!has_escape(content)) return true;
    const auto end = static_cast<size_t>(content.data + content.size - text_);
    // Decoding never makes a text longer, and how often a string is decoded is known, so the arena never moves.
    if (arena_.size() == 0) arena_.reserve(size_ * decodings_);
    uint8_t* decoded = arena_.data() + arena_.size();
    const size_t size = unescape_json(content.data, content.size, decoded);
    if (size == SIZE_MAX) return false;
    arena_.set_size(arena_.size() + size);
    content = {decoded, size};
    find_escape(end);
    return true;
  }

  /// The decoded string at `p`; false when there is none or its escapes are wrong.
  MPLP_INLINE bool read_string(Position p, Text& content) {
    if (text_[*p] != '"') return false;
    content = string_at(p);
    return !may_have_escape(content) || decode_escapes(content);
  }

  MPLP_INLINE bool read_uuid_at(Position p, Uuid& uuid) {
    Text content;
    return read_string(p, content) && content.size == 36 && read_uuid(content.data, uuid);
  }

  // ---- values ----

  /// True when only white space stands in [from, to).
  static MPLP_INLINE bool blank(const uint8_t* from, const uint8_t* to) {
    while (from < to && (*from == ' ' || *from == '\n' || *from == '\r' || *from == '\t')) ++from;
    return from == to;
  }

  MPLP_INLINE bool check_number(Position p) const {
    const uint8_t* const begin = text_ + p[0];
    const uint8_t* const end = text_ + p[1];
    const uint8_t* s = begin;
    const auto digit = [&] { return s < end && static_cast<uint8_t>(*s - '0') < 10; };
    if (*s == '-') ++s;
    if (!digit()) return false;
    if (*s == '0') {
      ++s;
    } else {
      do ++s;
      while (digit());
    }
    if (s < end && *s == '.') {
      ++s;
      if (!digit()) return false;
      do ++s;
      while (digit());
    }
    bool has_exponent = false;
    if (s < end && (*s | 0x20) == 'e') {
      has_exponent = true;
      ++s;
      if (s < end && (*s == '+' || *s == '-')) ++s;
      if (!digit()) return false;
      do ++s;
      while (digit());
    }
    if (MPLP_UNLIKELY(s != end) && !blank(s, end)) return false;
    // Without an exponent it takes 309 digits to leave the range of a double.
    return MPLP_LIKELY(!has_exponent && s - begin < 309) ||
           number_is_finite(begin, static_cast<size_t>(s - begin));
  }

  template <size_t N>
  MPLP_INLINE bool check_literal(Position p, const char (&word)[N]) const {
    const uint8_t* begin = text_ + p[0];
    const uint8_t* end = text_ + p[1];
    return static_cast<size_t>(end - begin) >= N - 1 && is_word(begin, word) && blank(begin + N - 1, end);
  }

  /// Checks the value at `p`, which is a token of the text, inside an object or array of the given depth.
  /// Returns the position behind it, null when it is not valid.
  MPLP_INLINE Position read_value(Position p, unsigned depth) {
    switch (text_[*p]) {
      case '"': {
        const Text content = string_at(p);
        return !may_have_escape(content) || check_escapes(content) ? p + 1 : nullptr;
      }
      case '{':
        return read_object(p, depth + 1);
      case '[':
        return read_array(p, depth + 1);
      case 't':
        return check_literal(p, "true") ? p + 1 : nullptr;
      case 'f':
        return check_literal(p, "false") ? p + 1 : nullptr;
      case 'n':
        return check_literal(p, "null") ? p + 1 : nullptr;
      default:
        return check_number(p) ? p + 1 : nullptr;
    }
  }

  /// Walks the members of the object at `p`. `member(key, p)` reads the value at `p` and returns the position
  /// behind it or null.
  template <typename Member>
  MPLP_INLINE Position read_members(Position p, Member member) {
    ++p;
    if (MPLP_UNLIKELY(*p >= limit_)) return nullptr;
    if (text_[*p] == '}') return p + 1;
    for (;;) {
      // Key, colon, value and what follows the value: four tokens at least.
      if (MPLP_UNLIKELY(p[3] >= limit_)) return nullptr;
      Text key;
      if (!read_string(p, key) || text_[p[1]] != ':') return nullptr;
      p = member(key, p + 2);
      if (MPLP_UNLIKELY(p == nullptr || *p >= limit_)) return nullptr;
      const uint8_t c = text_[*p++];
      if (c == ',') continue;
      return c == '}' ? p : nullptr;
    }
  }

  Position read_object(Position p, unsigned depth) {
    if (MPLP_UNLIKELY(depth > kMaxDepth)) return nullptr;
    const size_t mark = keys_.mark();
    p = read_members(p, [&](Text key, Position value) MPLP_LAMBDA_INLINE -> Position {
      return keys_.add(key) ? read_value(value, depth) : nullptr;
    });
    return p != nullptr && keys_.close(mark) ? p : nullptr;
  }

  Position read_array(Position p, unsigned depth) {
    if (MPLP_UNLIKELY(depth > kMaxDepth)) return nullptr;
    ++p;
    if (MPLP_UNLIKELY(*p >= limit_)) return nullptr;
    if (text_[*p] == ']') return p + 1;
    for (;;) {
      if (MPLP_UNLIKELY(p[1] >= limit_)) return nullptr;
      p = read_value(p, depth);
      if (MPLP_UNLIKELY(p == nullptr || *p >= limit_)) return nullptr;
      const uint8_t c = text_[*p++];
      if (c == ',') continue;
      return c == ']' ? p : nullptr;
    }
  }

  /// The text of the value between two positions, without the white space behind it.
  MPLP_INLINE Text raw_value(Position from, Position next) const {
    const size_t begin = *from;
    return {text_ + begin, trim_white_space(text_, begin, *next) - begin};
  }

  StructuralIndex index_;
  KeySet keys_;
  Array<uint8_t> arena_;  // decoded strings
  size_t decodings_ = 1;  // how often a string may be decoded
  const uint8_t* text_ = nullptr;
  size_t size_ = 0;
  Position stop_ = nullptr;  // behind the last token
  size_t limit_ = 0;         // of the document or line being read: tokens from here on are not part of it
  size_t escape_ = 0;
};

}  // namespace mplp::MPLP_KERNEL
