#pragma once

namespace mplp::MPLP_KERNEL {

/// Deepest nesting; the span object itself is depth 1.
inline constexpr unsigned kMaxDepth = 64;

/// Reads spans from JSON and NDJSON. simdjson's first stage finds the tokens; this class walks them once,
/// checks the grammar, the lexical rules and the trace schema on the way, and leaves the span in `fields`. It
/// only says yes or no: why a body cannot be read, and where a refused element ends, is the job of
/// json_grammar.h.
class JsonDecoder {
 public:
  JsonDecoder(SpanSink& sink, const char* instruction_set, uint64_t seed)
      : sink_(sink), index_(instruction_set), keys_(seed) {}

  /// One span object or an array of spans.
  void read_document(const uint8_t* body, size_t length) {
    if (!read_items(body, length)) sink_.malformed(find_fault(body, length));
  }

  /// One span a line.
  void read_lines(const uint8_t* body, size_t length) {
    if (has_byte_order_mark(body, length)) {
      sink_.malformed(find_fault(body, length));
      return;
    }
    size_t begin = 0;
    while (begin < length) {
      size_t end = std::min(length, begin + kWindowBytes);
      if (end < length) end = end_of_lines(body, begin, end, length);
      if (end - begin <= kWindowBytes || !refuse_large_line(body, begin, end)) read_window(body, begin, end);
      begin = end;
    }
  }

  void release() {
    index_.trim(kKeepBytes / 8);
    keys_.release();
    fields_.release();
    arena_.reset(kKeepBytes);
  }

 private:
  using Position = const uint32_t*;

  /// Lines are indexed in windows that stay in the processor's cache. The plain first stage does not see a
  /// line break behind a backslash, so with it every line is a window of its own.
#if defined(MPLP_ONE_LINE_WINDOWS)
  static constexpr size_t kWindowBytes = 1;
#else
  static constexpr size_t kWindowBytes = 256 * 1024;
#endif

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

  /// Refuses a line that holds more than a span may; there is no need to index it.
  bool refuse_large_line(const uint8_t* body, size_t begin, size_t end) {
    const size_t first = skip_white_space(body, begin, end);
    const size_t last = trim_white_space(body, first, end);
    if (last - first <= sink_.max_span_bytes()) return false;
    sink_.refuse(first, last);
    return true;
  }

  /// End of the last line that is complete before `end`, or of the first line when that is longer.
  static size_t end_of_lines(const uint8_t* body, size_t begin, size_t end, size_t length) {
    for (size_t i = end; i > begin; --i) {
      if (body[i - 1] == '\n') return i;
    }
    const uint8_t* next = find(body + end, body + length, '\n');
    return next == nullptr ? length : static_cast<size_t>(next - body) + 1;
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

  // ---- documents ----

  bool read_items(const uint8_t* body, size_t length) {
    IndexFault fault;
    if (!start(body, length, fault)) return false;
    Position p = index_.positions();
    if (text_[*p] != '[') return read_item(p) && p == stop_;
    ++p;
    if (p != stop_ && text_[*p] == ']') return p + 1 == stop_;
    for (;;) {
      if (p == stop_ || !read_item(p) || p == stop_) return false;
      const uint8_t c = text_[*p++];
      if (c == ']') return p == stop_;
      if (c != ',') return false;
    }
  }

  /// Reads one span, or skips what stands in its place. False when the text breaks there.
  bool read_item(Position& p) {
    const size_t begin = *p;
    if (text_[begin] == '{') {
      const Position next = read_span(p);
      if (next != nullptr && sink_.accept(fields_, begin, next[-1] + size_t{1})) {
        p = next;
        return true;
      }
    }
    Malformed fault;
    size_t start;
    const size_t end = read_json_value(text_, begin, size_, start, fault);
    if (fault.reason != nullptr) return false;
    while (p < stop_ && *p < end) ++p;
    // Junk right behind a number or literal belongs to the same token.
    if (skip_white_space(text_, end, size_) != *p) return false;
    sink_.refuse(begin, end);
    return true;
  }

  // ---- lines ----

  void read_window(const uint8_t* body, size_t begin, size_t end) {
    IndexFault fault;
    if (start(body + begin, end - begin, fault)) {
      read_indexed_lines(begin);
    } else if (fault == IndexFault::faulty) {
      // Some line is broken. Each line tells for itself, so that only the broken ones are refused.
      while (begin < end) {
        const uint8_t* line_break = find(body + begin, body + end, '\n');
        const size_t line_end = line_break == nullptr ? end : static_cast<size_t>(line_break - body) + 1;
        if (start(body + begin, line_end - begin, fault)) {
          read_indexed_lines(begin);
        } else if (fault == IndexFault::faulty) {
          sink_.refuse(skip_white_space(body, begin, line_end), trim_white_space(body, begin, line_end));
        }
        begin = line_end;
      }
    }
  }

  void read_indexed_lines(size_t offset) {
    Position p = index_.positions();
    while (p < stop_) {
      const size_t begin = *p;
      const uint8_t* line_break = find(text_ + begin, text_ + size_, '\n');
      // The walk ends with the line: a broken one must not be read on into the next.
      limit_ = line_break == nullptr ? size_ : static_cast<size_t>(line_break - text_);
      if (text_[begin] == '{') {
        const Position next = read_span(p);
        if (next != nullptr && *next >= limit_ &&
            sink_.accept(fields_, offset + begin, offset + next[-1] + size_t{1})) {
          p = next;
          continue;
        }
      }
      sink_.refuse(offset + begin, offset + trim_white_space(text_, begin, limit_));
      while (p < stop_ && *p < limit_) ++p;
    }
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
    // Decoding never makes a text longer, and no string is decoded twice, so the arena never moves.
    if (arena_.size() == 0) arena_.reserve(size_);
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

  /// An object kept as it is.
  MPLP_INLINE Position read_raw_object(Position p, Field field, Text& raw) {
    if (text_[*p] != '{' || !fields_.mark(field)) return nullptr;
    const Position next = read_object(p, 3);
    if (next != nullptr) raw = {text_ + *p, next[-1] + size_t{1} - *p};
    return next;
  }

  /// A member that the schema does not name. `key` is its decoded key; the key's token is two before `p`.
  Position read_extra(Group group, Text key, Position p, unsigned depth) {
    if (!keys_.add(key)) return nullptr;
    const Position next = read_value(p, depth);
    if (next == nullptr) return nullptr;
    const size_t begin = p[-2];
    fields_.extras.push({group, {text_ + begin, trim_white_space(text_, begin, *next) - begin}});
    return next;
  }

  // ---- the span ----

  /// Reads the span at `p` into `fields_`; null when it is not valid.
  Position read_span(Position p) {
    fields_.clear();
    keys_.clear();
    arena_.truncate(0);
    p = read_members(
        p, [&](Text key, Position value) MPLP_LAMBDA_INLINE { return read_span_member(key, value); });
    return p != nullptr && keys_.close(0) ? p : nullptr;
  }

  MPLP_INLINE Position read_id(Position p, Field field, Uuid& uuid) {
    return fields_.mark(field) && read_uuid_at(p, uuid) ? p + 1 : nullptr;
  }

  MPLP_INLINE Position read_span_member(Text key, Position p) {
    switch (key.size) {
      case 2:
        if (is_word(key.data, "id")) return read_id(p, kId, fields_.id);
        break;
      case 6:
        if (is_word(key.data, "action")) return read_action(p);
        if (is_word(key.data, "result")) return read_result(p);
        break;
      case 7:
        if (is_word(key.data, "span_id")) return read_id(p, kSpanId, fields_.span_id);
        break;
      case 8:
        if (is_word(key.data, "trace_id")) return read_id(p, kTraceId, fields_.trace_id);
        if (is_word(key.data, "agent_id")) return read_id(p, kAgentId, fields_.agent_id);
        if (is_word(key.data, "metadata")) return read_metadata(p);
        break;
      case 9:
        if (is_word(key.data, "timestamp")) return read_timestamp(p);
        break;
      case 10:
        if (is_word(key.data, "context_id")) return read_id(p, kContextId, fields_.context_id);
        break;
      case 14:
        if (is_word(key.data, "parent_span_id")) return read_id(p, kParent, fields_.parent_span_id);
        break;
      default:
        break;
    }
    return read_extra(Group::span, key, p, 1);
  }

  /// Walks an object of the schema whose unknown members are kept apart.
  template <typename Member>
  MPLP_INLINE Position read_part(Position p, Field field, Member member) {
    if (text_[*p] != '{' || !fields_.mark(field)) return nullptr;
    const size_t mark = keys_.mark();
    p = read_members(p, member);
    return p != nullptr && keys_.close(mark) ? p : nullptr;
  }

  MPLP_INLINE Position read_action(Position p) {
    return read_part(p, kAction, [&](Text key, Position value) MPLP_LAMBDA_INLINE -> Position {
      if (key.size == 4) {
        if (is_word(key.data, "name")) {
          return fields_.mark(kActionName) && read_string(value, fields_.action_name) ? value + 1 : nullptr;
        }
        if (is_word(key.data, "type")) {
          Text type;
          return fields_.mark(kActionType) && read_string(value, type) &&
                         read_action_type(type, fields_.action_type)
                     ? value + 1
                     : nullptr;
        }
      } else if (key.size == 10 && is_word(key.data, "parameters")) {
        return read_raw_object(value, kParameters, fields_.parameters);
      } else if (key.size == 8 && is_word(key.data, "duration")) {
        return fields_.mark(kDuration) && read_string(value, fields_.action_duration) ? value + 1 : nullptr;
      }
      return read_extra(Group::action, key, value, 2);
    });
  }

  MPLP_INLINE Position read_timestamp(Position p) {
    return read_part(p, kTimestamp, [&](Text key, Position value) MPLP_LAMBDA_INLINE -> Position {
      const bool is_start = key.size == 5 && is_word(key.data, "start");
      if (is_start || (key.size == 3 && is_word(key.data, "end"))) {
        Text text;
        if (!fields_.mark(is_start ? kStart : kEnd) || !read_string(value, text) ||
            !read_time(text, is_start ? fields_.start : fields_.end)) {
          return nullptr;
        }
        (is_start ? fields_.start_text : fields_.end_text) = raw_value(value, value + 1);
        return value + 1;
      }
      return read_extra(Group::timestamp, key, value, 2);
    });
  }

  MPLP_INLINE Position read_result(Position p) {
    return read_part(p, kResult, [&](Text key, Position value) MPLP_LAMBDA_INLINE -> Position {
      if (key.size == 6) {
        if (is_word(key.data, "status")) {
          Text status;
          return fields_.mark(kStatus) && read_string(value, status) && read_status(status, fields_.status)
                     ? value + 1
                     : nullptr;
        }
        if (is_word(key.data, "output")) return read_raw_object(value, kOutput, fields_.output);
      } else if (key.size == 7 && is_word(key.data, "metrics")) {
        return read_raw_object(value, kMetrics, fields_.metrics);
      } else if (key.size == 5 && is_word(key.data, "error")) {
        return read_raw_object(value, kError, fields_.error);
      }
      return read_extra(Group::result, key, value, 2);
    });
  }

  /// Metadata is kept whole; its tags go to the map column as well.
  MPLP_INLINE Position read_metadata(Position p) {
    const Position next =
        read_part(p, kMetadata, [&](Text key, Position value) MPLP_LAMBDA_INLINE -> Position {
          if (!keys_.add(key)) return nullptr;
          if (key.size == 4 && is_word(key.data, "tags")) return read_tags(value);
          if (key.size == 11 && is_word(key.data, "annotations")) {
            return text_[*value] == '[' ? read_array(value, 3) : nullptr;
          }
          if (key.size == 14 && is_word(key.data, "correlation_id")) {
            Uuid ignored;
            return read_uuid_at(value, ignored) ? value + 1 : nullptr;
          }
          return read_value(value, 2);
        });
    if (next != nullptr) fields_.metadata = {text_ + *p, next[-1] + size_t{1} - *p};
    return next;
  }

  MPLP_INLINE Position read_tags(Position p) {
    if (text_[*p] != '{') return nullptr;
    const size_t mark = keys_.mark();
    p = read_members(p, [&](Text key, Position value) MPLP_LAMBDA_INLINE -> Position {
      if (!keys_.add(key)) return nullptr;
      Text text;
      if (text_[*value] == '"') {
        if (!read_string(value, text)) return nullptr;
        fields_.tags.push({key, text});
        return value + 1;
      }
      const Position next = read_value(value, 3);
      if (next != nullptr) fields_.tags.push({key, raw_value(value, next)});
      return next;
    });
    return p != nullptr && keys_.close(mark) ? p : nullptr;
  }

  SpanSink& sink_;
  StructuralIndex index_;
  KeySet keys_;
  SpanFields fields_;
  Array<uint8_t> arena_;
  const uint8_t* text_ = nullptr;
  size_t size_ = 0;
  Position stop_ = nullptr;  // behind the last token
  size_t limit_ = 0;         // of the document or line being read: tokens from here on are not part of it
  size_t escape_ = 0;
};

}  // namespace mplp::MPLP_KERNEL
