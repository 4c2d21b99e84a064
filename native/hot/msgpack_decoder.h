#pragma once

namespace mplp::MPLP_KERNEL {

/// Reads spans from MessagePack: one map, an array of maps, or maps one after another. Values without a
/// column of their own are written as JSON text into `json_`; the rules and the result are those of the JSON
/// decoder.
class MsgpackDecoder {
 public:
  MsgpackDecoder(SpanSink& sink, uint64_t seed) : sink_(sink), keys_(seed) {}

  void read_body(const uint8_t* body, size_t length) {
    body_ = body;
    body_end_ = end_ = body + length;
    const uint8_t* p = body;
    if (length == 0) return;
    if (is_array(*p)) {
      Malformed fault;
      if (!read_array_of_spans(p, fault)) sink_.malformed(fault);
      return;
    }
    while (p < body_end_) {
      if (!read_item(p)) {
        // Where the next map would begin cannot be told.
        sink_.refuse(offset(p), length);
        return;
      }
    }
  }

  void release() {
    keys_.release();
    fields_.release();
    json_.reset(kKeepBytes);
  }

 private:
  using Cursor = const uint8_t*;

  static bool is_array(uint8_t head) { return (head & 0xf0) == 0x90 || head == 0xdc || head == 0xdd; }
  size_t offset(Cursor p) const { return static_cast<size_t>(p - body_); }
  size_t left(Cursor p) const { return static_cast<size_t>(end_ - p); }
  size_t left_of_body(Cursor p) const { return static_cast<size_t>(body_end_ - p); }

  static MPLP_INLINE uint16_t big16(Cursor p) {
    uint16_t value;
    std::memcpy(&value, p, 2);
    return __builtin_bswap16(value);
  }
  static MPLP_INLINE uint32_t big32(Cursor p) { return __builtin_bswap32(load32(p)); }
  static MPLP_INLINE uint64_t big64(Cursor p) { return __builtin_bswap64(load64(p)); }

  // ---- items ----

  bool read_array_of_spans(Cursor p, Malformed& fault) {
    uint32_t count;
    p = read_count(p, 0x90, 0xdc, count);
    if (p == nullptr) {
      fault = {static_cast<size_t>(body_end_ - body_), "truncated"};
      return false;
    }
    for (uint32_t i = 0; i < count; ++i) {
      if (p >= body_end_ || !read_item(p)) {
        fault = find_fault(p);
        return false;
      }
    }
    if (p == body_end_) return true;
    fault = {offset(p), "trailing characters"};
    return false;
  }

  /// Reads one span, or skips what stands in its place. False when the bytes break there.
  bool read_item(Cursor& p) {
    const Cursor begin = p;
    // A span that is larger than allowed is not read to its end.
    end_ = begin + std::min<uint64_t>(left_of_body(begin), sink_.max_span_bytes());
    Cursor next = is_map(*begin) ? read_span(begin) : nullptr;
    if (next != nullptr && sink_.accept(fields_, offset(begin), offset(next))) {
      p = next;
      return true;
    }
    next = skip_value(begin);
    if (next == nullptr) return false;
    sink_.refuse(offset(begin), offset(next));
    p = next;
    return true;
  }

  Malformed find_fault(Cursor p) const {
    Cursor broken = p;
    skip_value(p, &broken);
    if (broken < body_end_ && *broken == 0xc1) return {offset(broken), "unexpected character"};
    return {static_cast<size_t>(body_end_ - body_), "truncated"};
  }

  /// The position behind the value at `p`; null when it is cut off or no MessagePack, with `broken` at the
  /// value that is to blame. A count of values still to come is enough, so depth does not matter.
  Cursor skip_value(Cursor p, Cursor* broken = nullptr) const {
    uint64_t pending = 1;
    while (pending > 0) {
      if (broken != nullptr) *broken = p;
      if (p >= body_end_) return nullptr;
      --pending;
      const uint8_t head = *p;
      uint64_t size = 1;
      if (head <= 0x7f || head >= 0xe0) {
      } else if (head <= 0x8f) {
        pending += uint64_t{2} * (head & 15);
      } else if (head <= 0x9f) {
        pending += head & 15;
      } else if (head <= 0xbf) {
        size += head & 31;
      } else {
        // Bytes behind the head, and how many of them are a length.
        static constexpr uint8_t kFixed[32] = {0, 0, 0, 0, 1, 2, 4, 2, 3,  5, 4, 8, 1, 2, 4, 8,
                                               1, 2, 4, 8, 2, 3, 5, 9, 17, 1, 2, 4, 2, 4, 2, 4};
        static constexpr uint8_t kLength[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 0, 0, 0, 0, 0, 0,
                                                0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
        if (head == 0xc1) return nullptr;
        size += kFixed[head - 0xc0];
        if (size > left_of_body(p)) return nullptr;
        const uint8_t width = kLength[head - 0xc0];
        const uint64_t length = width == 0 ? 0 : width == 1 ? p[1] : width == 2 ? big16(p + 1) : big32(p + 1);
        if (head == 0xdc || head == 0xdd) {
          pending += length;
        } else if (head >= 0xde) {
          pending += length * 2;
        } else {
          size += length;
        }
      }
      if (size > left_of_body(p)) return nullptr;
      p += size;
    }
    return p;
  }

  // ---- heads ----

  static MPLP_INLINE bool is_map(uint8_t head) {
    return (head & 0xf0) == 0x80 || head == 0xde || head == 0xdf;
  }

  /// Reads the head of a map (0x80, 0xde) or array (0x90, 0xdc). Null when it is cut off or another type.
  MPLP_INLINE Cursor read_count(Cursor p, uint8_t fixed, uint8_t sized, uint32_t& count) const {
    if (MPLP_UNLIKELY(p >= end_)) return nullptr;
    const uint8_t head = *p;
    if (MPLP_LIKELY((head & 0xf0) == fixed)) {
      count = head & 15;
      return p + 1;
    }
    if (head == sized && left(p) >= 3) {
      count = big16(p + 1);
      return p + 3;
    }
    if (head == sized + 1 && left(p) >= 5) {
      count = big32(p + 1);
      return p + 5;
    }
    return nullptr;
  }

  /// Reads a string's head and bytes, unchecked. Null when it is cut off or another type.
  MPLP_INLINE Cursor read_text(Cursor p, Text& text) const {
    if (MPLP_UNLIKELY(p >= end_)) return nullptr;
    const uint8_t head = *p;
    if (MPLP_LIKELY((head & 0xe0) == 0xa0)) {
      text = {p + 1, head & size_t{31}};
    } else if (head == 0xd9) {
      text = {p + 2, left(p) < 2 ? SIZE_MAX : size_t{p[1]}};
    } else if (head == 0xda) {
      text = {p + 3, left(p) < 3 ? SIZE_MAX : size_t{big16(p + 1)}};
    } else if (head == 0xdb) {
      text = {p + 5, left(p) < 5 ? SIZE_MAX : size_t{big32(p + 1)}};
    } else {
      return nullptr;
    }
    if (MPLP_UNLIKELY(text.data > end_ || text.size > left(text.data))) return nullptr;
    return text.data + text.size;
  }

  /// A string that is UTF-8.
  MPLP_INLINE Cursor read_string(Cursor p, Text& text) const {
    p = read_text(p, text);
    if (MPLP_UNLIKELY(p == nullptr)) return nullptr;
    return MPLP_LIKELY(is_ascii(text.data, text.size)) || is_utf8(text.data, text.size) ? p : nullptr;
  }

  /// Reads the length in a head of three kinds, `first` with one byte of it and its two neighbours with 2
  /// and 4. Returns the position behind the head, null when it is cut off.
  Cursor read_length(Cursor p, uint8_t first, uint32_t& length) const {
    const size_t width = size_t{1} << (p[0] - first);
    if (left(p) <= width) return nullptr;
    length = width == 1 ? p[1] : width == 2 ? big16(p + 1) : big32(p + 1);
    return p + 1 + width;
  }

  /// An id: 16 bytes, or its text.
  MPLP_INLINE Cursor read_id(Cursor p, Uuid& uuid) const {
    if (MPLP_UNLIKELY(p >= end_)) return nullptr;
    if (p[0] >= 0xc4 && p[0] <= 0xc6) {
      uint32_t length;
      p = read_length(p, 0xc4, length);
      if (p == nullptr || length != 16 || left(p) < 16) return nullptr;
      uuid = uuid_of_bytes(p);
      return p + 16;
    }
    Text text;
    p = read_text(p, text);
    return p != nullptr && text.size == 36 && read_uuid(text.data, uuid) ? p : nullptr;
  }

  // ---- JSON text ----

  /// Where values go. Texts in `fields_` point into this memory, so it must not move while a span is read:
  /// when it is full, the span is read again with more.
  MPLP_INLINE bool has_room(size_t bytes) {
    if (MPLP_LIKELY(static_cast<size_t>(json_end_ - out_) >= bytes)) return true;
    full_ = true;
    return false;
  }
  MPLP_INLINE void put(char c) { *out_++ = static_cast<uint8_t>(c); }
  MPLP_INLINE void put(std::string_view text) {
    std::memcpy(out_, text.data(), text.size());
    out_ += text.size();
  }
  Text since(const uint8_t* begin) const { return {begin, static_cast<size_t>(out_ - begin)}; }

  MPLP_INLINE bool write_string(Text text) {
    if (!has_room(text.size + 2)) return false;
    *out_++ = '"';
    const size_t plain = copy_plain(out_, text.data, text.size);
    out_ += plain;
    if (MPLP_UNLIKELY(plain != text.size)) {
      if (!put_escaped({text.data + plain, text.size - plain})) return false;
    }
    *out_++ = '"';
    return true;
  }

  MPLP_NOINLINE bool put_escaped(Text text) {
    if (!is_valid_utf8(text) || !has_room(text.size * 6 + 1)) return false;
    // What is written too much lies in the slack of both memories, or is written over.
    out_ = write_escaped(out_, text);
    return true;
  }

  template <typename Number>
  MPLP_INLINE void put_number(Number value) {
    out_ = write_number(out_, value);
  }

  bool put_double(double value) {
    if (!std::isfinite(value)) return false;
    out_ = write_double(out_, value);
    return true;
  }

  /// Writes the value at `p` as JSON. `depth` is that of the object or array around it. Null when it cannot
  /// be told in JSON, or is cut off.
  Cursor write_value(Cursor p, unsigned depth) {
    if (MPLP_UNLIKELY(p >= end_) || !has_room(kMaxScalar)) return nullptr;
    const uint8_t head = *p;
    if ((head & 0xe0) == 0xa0) return write_text(p);
    if (head <= 0x7f) {
      if (head >= 100) put(static_cast<char>('0' + head / 100));
      if (head >= 10) put(static_cast<char>('0' + head / 10 % 10));
      put(static_cast<char>('0' + head % 10));
      return p + 1;
    }
    if (head >= 0xe0) {
      put_number(static_cast<int>(static_cast<int8_t>(head)));
      return p + 1;
    }
    if (is_map(head)) return write_object(p, depth + 1);
    if (is_array(head)) return write_array(p, depth + 1);
    return write_sized(p, head);
  }

  MPLP_INLINE Cursor write_text(Cursor p) {
    Text text;
    p = read_text(p, text);
    return p != nullptr && write_string(text) ? p : nullptr;
  }

  Cursor write_sized(Cursor p, uint8_t head) {
    static constexpr uint8_t kSize[16] = {5, 9, 2, 3, 5, 9, 2, 3, 5, 9, 0, 0, 0, 0, 0, 0};  // from 0xca on
    switch (head) {
      case 0xc0:
        put("null");
        return p + 1;
      case 0xc2:
        put("false");
        return p + 1;
      case 0xc3:
        put("true");
        return p + 1;
      case 0xd9:
      case 0xda:
      case 0xdb:
        return write_text(p);
      default:
        break;
    }
    if (head < 0xca || head > 0xd3 || left(p) < kSize[head - 0xca]) return nullptr;
    switch (head) {
      case 0xca:
        if (!put_double(std::bit_cast<float>(big32(p + 1)))) return nullptr;
        break;
      case 0xcb:
        if (!put_double(std::bit_cast<double>(big64(p + 1)))) return nullptr;
        break;
      case 0xcc:
        put_number(static_cast<unsigned>(p[1]));
        break;
      case 0xcd:
        put_number(static_cast<unsigned>(big16(p + 1)));
        break;
      case 0xce:
        put_number(big32(p + 1));
        break;
      case 0xcf:
        put_number(big64(p + 1));
        break;
      case 0xd0:
        put_number(static_cast<int>(static_cast<int8_t>(p[1])));
        break;
      case 0xd1:
        put_number(static_cast<int>(static_cast<int16_t>(big16(p + 1))));
        break;
      case 0xd2:
        put_number(static_cast<int32_t>(big32(p + 1)));
        break;
      default:
        put_number(static_cast<int64_t>(big64(p + 1)));
        break;
    }
    return p + kSize[head - 0xca];
  }

  Cursor write_object(Cursor p, unsigned depth) {
    return write_members(p, depth,
                         [&](Text, Cursor value) MPLP_LAMBDA_INLINE { return write_value(value, depth); });
  }

  /// Writes the map at `p`, at the given depth; `value(key, p)` writes the value at `p`.
  template <typename Value>
  MPLP_INLINE Cursor write_members(Cursor p, unsigned depth, Value value) {
    if (MPLP_UNLIKELY(depth > kMaxDepth)) return nullptr;
    uint32_t count;
    p = read_count(p, 0x80, 0xde, count);
    if (p == nullptr || !has_room(2)) return nullptr;
    put('{');
    const size_t mark = keys_.mark();
    for (uint32_t i = 0; i < count; ++i) {
      Text key;
      p = read_text(p, key);
      if (MPLP_UNLIKELY(p == nullptr) || !keys_.add(key) || !has_room(2)) return nullptr;
      if (i > 0) put(',');
      if (!write_string(key) || !has_room(1)) return nullptr;
      put(':');
      p = value(key, p);
      if (MPLP_UNLIKELY(p == nullptr)) return nullptr;
    }
    if (!has_room(1) || !keys_.close(mark)) return nullptr;
    put('}');
    return p;
  }

  Cursor write_array(Cursor p, unsigned depth) {
    if (MPLP_UNLIKELY(depth > kMaxDepth)) return nullptr;
    uint32_t count;
    p = read_count(p, 0x90, 0xdc, count);
    if (p == nullptr) return nullptr;
    put('[');
    for (uint32_t i = 0; i < count; ++i) {
      if (!has_room(1)) return nullptr;
      if (i > 0) put(',');
      p = write_value(p, depth);
      if (MPLP_UNLIKELY(p == nullptr)) return nullptr;
    }
    if (!has_room(1)) return nullptr;
    put(']');
    return p;
  }

  // ---- the span ----

  Cursor read_span(Cursor begin) {
    json_.reserve(kLeastJson);
    for (;;) {
      out_ = json_.data();
      json_end_ = out_ + json_.capacity();
      full_ = false;
      fields_.clear();
      keys_.clear();
      const Cursor next = read_span_map(begin);
      if (MPLP_LIKELY(!full_)) return next;
      json_.reserve(json_.capacity() * 2);
    }
  }

  /// Walks the members of the map at `p`; `member(key, p)` reads the value at `p`.
  template <typename Member>
  MPLP_INLINE Cursor read_members(Cursor p, Member member) {
    uint32_t count;
    p = read_count(p, 0x80, 0xde, count);
    if (p == nullptr) return nullptr;
    const size_t mark = keys_.mark();
    for (; count > 0; --count) {
      Text key;
      p = read_text(p, key);
      if (MPLP_UNLIKELY(p == nullptr)) return nullptr;
      p = member(key, p);
      if (MPLP_UNLIKELY(p == nullptr)) return nullptr;
    }
    return keys_.close(mark) ? p : nullptr;
  }

  Cursor read_span_map(Cursor p) {
    return read_members(
        p, [&](Text key, Cursor value) MPLP_LAMBDA_INLINE { return read_span_member(key, value); });
  }

  MPLP_INLINE Cursor read_id_member(Cursor p, Field field, Uuid& uuid) {
    return fields_.mark(field) ? read_id(p, uuid) : nullptr;
  }

  MPLP_INLINE Cursor read_span_member(Text key, Cursor p) {
    switch (key.size) {
      case 2:
        if (is_word(key.data, "id")) return read_id_member(p, kId, fields_.id);
        break;
      case 6:
        if (is_word(key.data, "action")) return fields_.mark(kAction) ? read_action(p) : nullptr;
        if (is_word(key.data, "result")) return fields_.mark(kResult) ? read_result(p) : nullptr;
        break;
      case 7:
        if (is_word(key.data, "span_id")) return read_id_member(p, kSpanId, fields_.span_id);
        break;
      case 8:
        if (is_word(key.data, "trace_id")) return read_id_member(p, kTraceId, fields_.trace_id);
        if (is_word(key.data, "agent_id")) return read_id_member(p, kAgentId, fields_.agent_id);
        if (is_word(key.data, "metadata")) return fields_.mark(kMetadata) ? read_metadata(p) : nullptr;
        break;
      case 9:
        if (is_word(key.data, "timestamp")) return fields_.mark(kTimestamp) ? read_timestamp(p) : nullptr;
        break;
      case 10:
        if (is_word(key.data, "context_id")) return read_id_member(p, kContextId, fields_.context_id);
        break;
      case 14:
        if (is_word(key.data, "parent_span_id")) return read_id_member(p, kParent, fields_.parent_span_id);
        break;
      default:
        break;
    }
    return read_extra(Group::span, key, p, 1);
  }

  /// A member that the schema does not name.
  Cursor read_extra(Group group, Text key, Cursor p, unsigned depth) {
    const uint8_t* begin = out_;
    if (!keys_.add(key) || !write_string(key) || !has_room(1)) return nullptr;
    put(':');
    p = write_value(p, depth);
    if (p != nullptr) fields_.extras.push({group, since(begin)});
    return p;
  }

  MPLP_INLINE Cursor read_raw_object(Cursor p, Field field, Text& raw) {
    if (!fields_.mark(field)) return nullptr;
    const uint8_t* begin = out_;
    p = write_object(p, 3);
    raw = since(begin);
    return p;
  }

  MPLP_INLINE Cursor read_action(Cursor p) {
    return read_members(p, [&](Text key, Cursor value) MPLP_LAMBDA_INLINE -> Cursor {
      if (key.size == 4) {
        if (is_word(key.data, "name")) {
          return fields_.mark(kActionName) ? read_string(value, fields_.action_name) : nullptr;
        }
        if (is_word(key.data, "type")) {
          Text type;
          if (!fields_.mark(kActionType)) return nullptr;
          value = read_text(value, type);
          return value != nullptr && read_action_type(type, fields_.action_type) ? value : nullptr;
        }
      } else if (key.size == 10 && is_word(key.data, "parameters")) {
        return read_raw_object(value, kParameters, fields_.parameters);
      } else if (key.size == 8 && is_word(key.data, "duration")) {
        return fields_.mark(kDuration) ? read_string(value, fields_.action_duration) : nullptr;
      }
      return read_extra(Group::action, key, value, 2);
    });
  }

  MPLP_INLINE Cursor read_timestamp(Cursor p) {
    return read_members(p, [&](Text key, Cursor value) MPLP_LAMBDA_INLINE -> Cursor {
      if (key.size == 5 && is_word(key.data, "start")) {
        return fields_.mark(kStart) ? read_time_value(value, fields_.start, fields_.start_text) : nullptr;
      }
      if (key.size == 3 && is_word(key.data, "end")) {
        return fields_.mark(kEnd) ? read_time_value(value, fields_.end, fields_.end_text) : nullptr;
      }
      return read_extra(Group::timestamp, key, value, 2);
    });
  }

  MPLP_INLINE Cursor read_time_value(Cursor p, DateTime& time, Text& spelling) {
    if (MPLP_UNLIKELY(p >= end_)) return nullptr;
    const uint8_t head = *p;
    if ((head >= 0xc7 && head <= 0xc9) || (head >= 0xd4 && head <= 0xd8))
      return read_timestamp_extension(p, time);
    Text text;
    p = read_text(p, text);
    if (p == nullptr || !read_time(text, time)) return nullptr;
    if (MPLP_UNLIKELY(time.digits == kOtherSpelling)) {
      const uint8_t* begin = out_;
      if (!write_string(text)) return nullptr;
      spelling = since(begin);
    }
    return p;
  }

  /// The timestamp extension of MessagePack (type -1), with 32, 64 or 96 bits.
  Cursor read_timestamp_extension(Cursor p, DateTime& time) const {
    uint32_t length;
    if (p[0] >= 0xd4) {
      length = 1u << (p[0] - 0xd4);
      ++p;
    } else {
      p = read_length(p, 0xc7, length);
    }
    if (p == nullptr || left(p) <= length || p[0] != 0xff) return nullptr;
    ++p;
    uint64_t nanoseconds = 0;
    if (length == 4) {
      time.seconds = big32(p);
    } else if (length == 8) {
      nanoseconds = big64(p) >> 34;
      time.seconds = static_cast<int64_t>(big64(p) & 0x3ffffffff);
    } else if (length == 12) {
      nanoseconds = big32(p);
      time.seconds = static_cast<int64_t>(big64(p + 4));
    } else {
      return nullptr;
    }
    if (nanoseconds > 999999999) return nullptr;
    time.nanoseconds = static_cast<uint32_t>(nanoseconds);
    time.digits = nanoseconds == 0 ? 0 : nanoseconds % 1000000 == 0 ? 3 : nanoseconds % 1000 == 0 ? 6 : 9;
    return p + length;
  }

  MPLP_INLINE Cursor read_result(Cursor p) {
    return read_members(p, [&](Text key, Cursor value) MPLP_LAMBDA_INLINE -> Cursor {
      if (key.size == 6) {
        if (is_word(key.data, "status")) {
          Text status;
          if (!fields_.mark(kStatus)) return nullptr;
          value = read_text(value, status);
          return value != nullptr && read_status(status, fields_.status) ? value : nullptr;
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

  MPLP_INLINE Cursor read_metadata(Cursor p) {
    const uint8_t* begin = out_;
    p = write_members(p, 2, [&](Text key, Cursor value) MPLP_LAMBDA_INLINE -> Cursor {
      if (key.size == 4 && is_word(key.data, "tags")) return read_tags(value);
      if (key.size == 11 && is_word(key.data, "annotations")) {
        return has_room(1) ? write_array(value, 3) : nullptr;
      }
      if (key.size == 14 && is_word(key.data, "correlation_id")) {
        Uuid uuid;
        value = read_id(value, uuid);
        if (value == nullptr || !has_room(38)) return nullptr;
        put('"');
        write_uuid(uuid, out_);
        out_ += 36;
        put('"');
        return value;
      }
      return write_value(value, 2);
    });
    fields_.metadata = since(begin);
    return p;
  }

  MPLP_INLINE Cursor read_tags(Cursor p) {
    return write_members(p, 3, [&](Text key, Cursor value) MPLP_LAMBDA_INLINE -> Cursor {
      const uint8_t* begin = out_;
      Text text;
      Cursor next = read_text(value, text);
      if (next != nullptr) {
        if (!write_string(text)) return nullptr;
      } else {
        next = write_value(value, 3);
        if (next == nullptr) return nullptr;
        text = since(begin);
      }
      fields_.tags.push({key, text});
      return next;
    });
  }

  static constexpr size_t kLeastJson = 64 * 1024;

  SpanSink& sink_;
  KeySet keys_;
  SpanFields fields_;
  const uint8_t* body_ = nullptr;
  const uint8_t* body_end_ = nullptr;
  const uint8_t* end_ = nullptr;  // of what the span being read may take up
  Array<uint8_t> json_;
  uint8_t* out_ = nullptr;
  uint8_t* json_end_ = nullptr;
  bool full_ = false;
};

}  // namespace mplp::MPLP_KERNEL
