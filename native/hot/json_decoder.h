#pragma once

namespace mplp::MPLP_KERNEL {

/// Reads spans from JSON and NDJSON: checks the trace schema while it walks, and leaves the span in `fields`.
class JsonDecoder : JsonWalker {
 public:
  JsonDecoder(SpanSink& sink, const char* instruction_set, uint64_t seed)
      : JsonWalker(instruction_set, seed), sink_(sink) {}

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
    JsonWalker::release();
    fields_.release();
  }

 private:
  /// Lines are indexed in windows that stay in the processor's cache. The plain first stage does not see a
  /// line break behind a backslash, so with it every line is a window of its own.
#if defined(MPLP_ONE_LINE_WINDOWS)
  static constexpr size_t kWindowBytes = 1;
#else
  static constexpr size_t kWindowBytes = 256 * 1024;
#endif

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
  SpanFields fields_;
};

}  // namespace mplp::MPLP_KERNEL
