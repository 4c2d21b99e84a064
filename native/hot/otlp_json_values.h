#pragma once

namespace mplp::MPLP_KERNEL {

/// Reads the values of OTLP/JSON: numbers of 64 bits as strings or numbers, hex ids, AnyValue and KeyValue. As
/// in all JSON of Protocol Buffers, `null` stands for an absent member, and a member may have its name in
/// lowerCamelCase or as the proto file spells it.
class OtlpJsonValues : protected JsonWalker {
 public:
  // ---- what OtlpSpan asks for ----

  bool write_key_value(Text key, const OtlpValue& value, JsonText& out) {
    OtlpObject object(out);
    object.put_text(R"("key":)", key);
    if (value.kind != OtlpValue::absent) {
      object.open(R"("value":)");
      if (!write_single_value(value, out)) {
        out.put_raw({written_.text().data + value.written_begin, value.written_end - value.written_begin});
      }
    }
    object.close(true);
    return true;
  }

  void write_plain(const OtlpValue& value, JsonText& out) {
    if (write_single_plain(value, out)) return;
    out.put_raw({plain_.text().data + value.plain_begin, value.plain_end - value.plain_begin});
  }

  bool first_text(const OtlpValue& array, Text& text) {
    text = array.text;
    return text.data != nullptr;
  }

 protected:
  OtlpJsonValues(const char* instruction_set, uint64_t seed) : JsonWalker(instruction_set, seed) {
    decodings_ = 2;
  }

  void release() {
    JsonWalker::release();
    written_.release();
    plain_.release();
    bytes_.reset(kKeepBytes);
  }

  /// A member's name in either of its two spellings.
  template <size_t N>
  static MPLP_INLINE bool is_name(Text key, const char (&name)[N]) {
    return key.size == N - 1 && is_word(key.data, name);
  }
  template <size_t N, size_t M>
  static MPLP_INLINE bool is_name(Text key, const char (&name)[N], const char (&proto_name)[M]) {
    return is_name(key, name) || is_name(key, proto_name);
  }

  MPLP_INLINE bool is_null(Position p) const { return text_[*p] == 'n' && check_literal(p, "null"); }

  /// Marks the bit of a member; false when it was there before.
  static MPLP_INLINE bool mark(uint32_t& seen, unsigned bit) {
    const bool first = (seen >> bit & 1) == 0;
    seen |= 1u << bit;
    return first;
  }

  // ---- steps over values ----

  /// The position behind the value at `p`, found by its brackets alone; null behind the last token.
  Position step_over(Position p) const {
    size_t depth = 0;
    do {
      if (p >= stop_) return nullptr;
      const uint8_t c = text_[*p++];
      if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return nullptr;
        --depth;
      }
    } while (depth > 0);
    return p;
  }

  /// The position of the value of a member that comes behind the value at `p`; null when there is none.
  /// Leaves the walk as it was.
  template <typename IsName>
  MPLP_NOINLINE Position find_member_behind(Position p, IsName is_wanted) {
    const size_t escape = escape_;
    Position found = nullptr;
    while (found == nullptr) {
      p = step_over(p);
      if (p == nullptr || p >= stop_ || text_[*p] != ',') break;
      ++p;
      Text key;
      if (p + 2 >= stop_ || !read_string(p, key) || text_[p[1]] != ':') break;
      if (is_wanted(key)) found = p + 2;
      p += 2;
    }
    escape_ = escape;
    return found;
  }

  /// The position behind a value that is not valid here; null when it is no JSON.
  Position pass_over(Position p) const {
    Malformed fault;
    size_t start;
    const size_t end = read_json_value(text_, *p, size_, start, fault);
    if (fault.reason != nullptr) return nullptr;
    while (p < stop_ && *p < end) ++p;
    // Junk right behind a number or literal belongs to the same token.
    return skip_white_space(text_, end, size_) == *p ? p : nullptr;
  }

  /// A member that nobody asked for.
  MPLP_NOINLINE Position read_unknown(Text key, Position p, unsigned depth) {
    return keys_.add(key) ? read_value(p, depth) : nullptr;
  }

  /// Calls `item(p)` for each element of the array at `p`, at the given depth.
  template <typename Item>
  MPLP_INLINE Position read_elements(Position p, unsigned depth, Item item) {
    if (text_[*p] != '[' || depth > kMaxDepth) return nullptr;
    ++p;
    if (MPLP_UNLIKELY(*p >= limit_)) return nullptr;
    if (text_[*p] == ']') return p + 1;
    for (;;) {
      if (MPLP_UNLIKELY(p[1] >= limit_)) return nullptr;
      p = item(p);
      if (MPLP_UNLIKELY(p == nullptr || *p >= limit_)) return nullptr;
      const uint8_t c = text_[*p++];
      if (c == ',') continue;
      return c == ']' ? p : nullptr;
    }
  }

  /// Walks the members of a message, at the given depth; `member(key, p)` returns the position behind the
  /// value at `p`.
  template <typename Member>
  MPLP_INLINE Position read_message(Position p, unsigned depth, Member member) {
    if (text_[*p] != '{' || depth > kMaxDepth) return nullptr;
    const size_t keys = keys_.mark();
    p = read_members(p, member);
    return p != nullptr && keys_.close(keys) ? p : nullptr;
  }

  // ---- single values ----

  /// The characters of a number, or the content of a string.
  MPLP_INLINE bool read_number_text(Position p, Text& text, bool& is_quoted) {
    is_quoted = text_[*p] == '"';
    if (is_quoted) return read_string(p, text);
    if (!check_number(p)) return false;
    text = raw_value(p, p + 1);
    return true;
  }

  /// A whole number without fraction or exponent, of at most 20 digits.
  MPLP_INLINE bool read_whole(Position p, bool& is_negative, uint64_t& value) {
    Text text;
    bool is_quoted;
    if (!read_number_text(p, text, is_quoted)) return false;
    is_negative = text.size > 0 && text.data[0] == '-';
    const size_t first = is_negative ? 1 : 0;
    if (text.size == first || text.size > first + 20) return false;
    value = 0;
    for (size_t i = first; i < text.size; ++i) {
      const uint8_t digit = static_cast<uint8_t>(text.data[i] - '0');
      if (digit > 9 || (i - first == 19 && (value > 1844674407370955161u ||
                                            (value == 1844674407370955161u && digit > 5)))) {
        return false;
      }
      value = value * 10 + digit;
    }
    return true;
  }

  MPLP_INLINE Position read_unsigned(Position p, uint64_t max, uint64_t& number) {
    bool is_negative;
    if (is_null(p)) return p + 1;
    if (!read_whole(p, is_negative, number) || (is_negative && number != 0) || number > max) return nullptr;
    return p + 1;
  }
  MPLP_INLINE Position read_uint32(Position p, uint32_t& number) {
    uint64_t value = 0;
    p = read_unsigned(p, 0xffffffff, value);
    number = static_cast<uint32_t>(value);
    return p;
  }
  MPLP_INLINE bool read_signed(Position p, uint64_t max, int64_t& number) {
    bool is_negative;
    uint64_t value;
    if (!read_whole(p, is_negative, value) || value > max + (is_negative ? 1 : 0)) return false;
    number = static_cast<int64_t>(is_negative ? 0 - value : value);
    return true;
  }
  /// An enum: its number, never its name.
  MPLP_INLINE Position read_enum(Position p, int32_t& number) {
    int64_t value = 0;
    if (is_null(p)) return p + 1;
    if (text_[*p] == '"' || !read_signed(p, 0x7fffffff, value)) return nullptr;
    number = static_cast<int32_t>(value);
    return p + 1;
  }

  MPLP_INLINE Position read_text(Position p, Text& text) {
    if (is_null(p)) return p + 1;
    return read_string(p, text) ? p + 1 : nullptr;
  }

  static MPLP_INLINE uint8_t hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
    const auto letter = static_cast<uint8_t>((c | 0x20) - 'a');
    return letter < 6 ? static_cast<uint8_t>(letter + 10) : 0xff;
  }

  /// Hex digits of either case, none or exactly `2 * size`.
  MPLP_INLINE Position read_hex(Position p, size_t size, uint8_t* bytes, bool& is_there) {
    Text text;
    is_there = false;
    if (is_null(p)) return p + 1;
    if (!read_string(p, text)) return nullptr;
    if (text.size == 0) return p + 1;
    if (text.size != 2 * size) return nullptr;
    uint8_t bad = 0;
    for (size_t i = 0; i < size; ++i) {
      const uint8_t high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
      bad |= high | low;
      bytes[i] = static_cast<uint8_t>(high << 4 | low);
    }
    is_there = true;
    return bad < 16 ? p + 1 : nullptr;
  }

  /// Bytes as base64, of either alphabet, with or without padding.
  bool read_base64(Position p, Text& bytes) {
    Text text;
    if (!read_string(p, text)) return false;
    size_t size = text.size;
    while (size > 0 && text.size - size < 2 && text.data[size - 1] == '=') --size;
    if (size % 4 == 1 || (size != text.size && text.size % 4 != 0)) return false;
    const size_t begin = bytes_.size();
    uint8_t* out = bytes_.reserve(size);
    uint32_t group = 0;
    for (size_t i = 0; i < size; ++i) {
      const uint8_t c = text.data[i];
      const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                        : c >= 'a' && c <= 'z' ? c - 'a' + 26
                        : c >= '0' && c <= '9' ? c - '0' + 52
                        : c == '+' || c == '-' ? 62
                        : c == '/' || c == '_' ? 63
                                               : -1;
      if (digit < 0) return false;
      group = group << 6 | static_cast<uint32_t>(digit);
      if (i % 4 > 0) *out++ = static_cast<uint8_t>(group >> (6 - 2 * (i % 4)));
    }
    bytes_.set_size(static_cast<size_t>(out - bytes_.data()));
    bytes = {bytes_.data() + begin, bytes_.size() - begin};
    return true;
  }

  bool read_double_value(Position p, double& value) {
    Text text;
    bool is_quoted;
    if (!read_number_text(p, text, is_quoted)) return false;
    if (is_quoted) {
      if (is_name(text, "NaN")) {
        value = std::numeric_limits<double>::quiet_NaN();
        return true;
      }
      if (is_name(text, "Infinity") || is_name(text, "-Infinity")) {
        value = text.size == 8 ? HUGE_VAL : -HUGE_VAL;
        return true;
      }
      // A string holds a number when JSON would read it as one.
      Malformed fault;
      size_t start;
      if (text.size == 0 || (text.data[0] != '-' && static_cast<uint8_t>(text.data[0] - '0') > 9)) return false;
      if (read_json_value(text.data, 0, text.size, start, fault) != text.size || fault.reason != nullptr ||
          !number_is_finite(text.data, text.size)) {
        return false;
      }
    }
    value = read_double(text.data, text.size);
    return true;
  }

  // ---- AnyValue and KeyValue ----

  /// Forgets the texts of lists and bytes that were read.
  void begin_values() {
    written_.clear();
    plain_.clear();
    bytes_.truncate(0);
  }

  /// Reads the AnyValue at `p`, an object of the given depth. A list is written as it is read.
  Position read_any_value(Position p, unsigned depth, unsigned value_depth, OtlpValue& value) {
    value.kind = OtlpValue::empty;
    uint32_t seen = 0;
    bool is_one = false;
    if (value_depth > kMaxValueDepth) return nullptr;
    return read_message(p, depth, [&](Text key, Position q) MPLP_LAMBDA_INLINE -> Position {
      const unsigned bit = value_bit(key);
      if (bit == kNoValue) return read_unknown(key, q, depth);
      if (!mark(seen, bit)) return nullptr;
      if (is_null(q)) return q + 1;
      if (is_one) return nullptr;
      is_one = true;
      return read_one_value(q, bit, depth, value_depth, value);
    });
  }

  /// Reads the KeyValue at `p`, an object of the given depth. `before_value` is called with the key right
  /// before the value is read.
  template <typename BeforeValue>
  Position read_key_value(Position p, unsigned depth, unsigned value_depth, Text& key, OtlpValue& value,
                          BeforeValue before_value) {
    uint32_t seen = 0;
    key = {};
    value.kind = OtlpValue::absent;
    return read_message(p, depth, [&](Text name, Position q) -> Position {
      if (is_name(name, "key")) {
        Text again;
        if (!mark(seen, 0)) return nullptr;
        return read_text(q, key.data == nullptr ? key : again);
      }
      if (!is_name(name, "value")) return read_unknown(name, q, depth);
      if (!mark(seen, 1)) return nullptr;
      if (is_null(q)) return q + 1;
      if ((seen & 1) == 0) {
        const Position at = find_member_behind(q, [](Text other) { return is_name(other, "key"); });
        const size_t escape = escape_;
        if (at != nullptr && read_text(at, key) == nullptr) return nullptr;
        escape_ = escape;
      }
      before_value();
      return read_any_value(q, depth + 1, value_depth, value);
    });
  }

  /// Reads a list of KeyValue at `p`, the member of an object of the given depth, as `attribute(key, value)`.
  template <typename Attribute>
  MPLP_INLINE Position read_attributes(Position p, unsigned depth, Attribute attribute) {
    if (is_null(p)) return p + 1;
    return read_elements(p, depth + 1, [&](Position q) MPLP_LAMBDA_INLINE -> Position {
      Text key;
      OtlpValue value;
      begin_values();
      q = read_key_value(q, depth + 2, 1, key, value, [] {});
      return q != nullptr && attribute(key, value) ? q : nullptr;
    });
  }

  /// The same, written as the member `attributes` when there are any.
  Position write_attributes(Position p, unsigned depth, OtlpObject& object, JsonText& out,
                            OtlpResourceNames* names, Text* exception_message) {
    bool first = true;
    p = read_attributes(p, depth, [&](Text key, const OtlpValue& value) {
      if (first) {
        object.open(R"("attributes":[)");
      } else {
        out.put(',');
      }
      first = false;
      if (names != nullptr) names->add(key, value);
      if (exception_message != nullptr && exception_message->size == 0 && value.kind == OtlpValue::string &&
          is_name(key, "exception.message")) {
        *exception_message = value.text;
      }
      return write_key_value(key, value, out);
    });
    if (!first) out.put(']');
    return p;
  }

 private:
  static constexpr unsigned kNoValue = 7;

  /// The place of a member in the oneof of AnyValue.
  static MPLP_INLINE unsigned value_bit(Text key) {
    if (is_name(key, "stringValue", "string_value")) return 0;
    if (is_name(key, "boolValue", "bool_value")) return 1;
    if (is_name(key, "intValue", "int_value")) return 2;
    if (is_name(key, "doubleValue", "double_value")) return 3;
    if (is_name(key, "arrayValue", "array_value")) return 4;
    if (is_name(key, "kvlistValue", "kvlist_value")) return 5;
    if (is_name(key, "bytesValue", "bytes_value")) return 6;
    return kNoValue;
  }

  MPLP_INLINE Position read_one_value(Position p, unsigned bit, unsigned depth, unsigned value_depth,
                                      OtlpValue& value) {
    switch (bit) {
      case 0:
        value.kind = OtlpValue::string;
        return read_string(p, value.text) ? p + 1 : nullptr;
      case 1:
        value.kind = OtlpValue::boolean;
        value.integer_value = text_[*p] == 't';
        return check_literal(p, "true") || check_literal(p, "false") ? p + 1 : nullptr;
      case 2:
        value.kind = OtlpValue::integer;
        return read_signed(p, INT64_MAX, value.integer_value) ? p + 1 : nullptr;
      case 3:
        value.kind = OtlpValue::real;
        return read_double_value(p, value.real_value) ? p + 1 : nullptr;
      case 6:
        value.kind = OtlpValue::bytes;
        return read_base64(p, value.text) ? p + 1 : nullptr;
      default:
        value.kind = bit == 4 ? OtlpValue::array : OtlpValue::list;
        return read_list(p, depth + 1, value_depth, value);
    }
  }

  /// Reads `{"values": […]}` at `p`, an object of the given depth.
  MPLP_NOINLINE Position read_list(Position p, unsigned depth, unsigned value_depth, OtlpValue& value) {
    const bool is_array = value.kind == OtlpValue::array;
    const size_t written_begin = written_.size();
    const size_t plain_begin = plain_.size();
    written_.put(is_array ? R"({"arrayValue":{)" : R"({"kvlistValue":{)");
    plain_.put(is_array ? '[' : '{');
    uint32_t seen = 0;
    bool first = true;
    Text first_text;
    p = read_message(p, depth, [&](Text key, Position q) -> Position {
      if (!is_name(key, "values")) return read_unknown(key, q, depth);
      if (!mark(seen, 0)) return nullptr;
      if (is_null(q)) return q + 1;
      return read_elements(q, depth + 1, [&](Position item) -> Position {
        written_.put(first ? std::string_view(R"("values":[)") : ",");
        if (!first) plain_.put(',');
        first = false;
        OtlpValue element;
        if (!is_array) return write_pair(item, depth + 2, value_depth + 1);
        item = read_any_value(item, depth + 2, value_depth + 1, element);
        if (item == nullptr) return nullptr;
        if (write_single_value(element, written_)) write_single_plain(element, plain_);
        if (element.kind == OtlpValue::string && first_text.data == nullptr) first_text = element.text;
        return item;
      });
    });
    written_.put(first ? "}}" : "]}}");
    plain_.put(is_array ? ']' : '}');
    value.text = first_text;
    value.written_begin = written_begin;
    value.plain_begin = plain_begin;
    value.written_end = written_.size();
    value.plain_end = plain_.size();
    return p;
  }

  Position write_pair(Position p, unsigned depth, unsigned value_depth) {
    OtlpObject object(written_);
    Text key;
    OtlpValue value;
    const size_t plain_begin = plain_.size();
    const auto put_key = [&] {
      object.put_text(R"("key":)", key);
      plain_.put_string(key);
      plain_.put(':');
    };
    p = read_key_value(p, depth, value_depth, key, value, [&] {
      put_key();
      object.open(R"("value":)");
    });
    if (p == nullptr) return nullptr;
    if (value.kind == OtlpValue::absent) {
      if (plain_.size() == plain_begin) put_key();
      plain_.put("null");
    } else if (write_single_value(value, written_)) {
      write_single_plain(value, plain_);
    }
    object.close(true);
    return p;
  }

  JsonText written_;  // lists of the attribute being read, as AnyValue
  JsonText plain_;    // and as plain JSON
  Array<uint8_t> bytes_;
};

}  // namespace mplp::MPLP_KERNEL
