#pragma once

namespace mplp::MPLP_KERNEL {

/// Reads the spans of an OTLP `ExportTraceServiceRequest` from OTLP/JSON. Rules and results are those of the
/// protobuf form; a text that is no JSON, or lists that are none around the spans, make the whole body
/// malformed.
class OtlpJsonDecoder : OtlpJsonValues {
 public:
  OtlpJsonDecoder(SpanSink& sink, OtlpSpan& span, const char* instruction_set, uint64_t seed)
      : OtlpJsonValues(instruction_set, seed), sink_(sink), span_(span) {}

  void read_body(const uint8_t* body, size_t length) {
    span_.begin_body();
    keys_.clear();
    arena_.truncate(0);
    reason_ = nullptr;
    broken_ = 0;
    IndexFault fault;
    if (start(body, length, fault)) {
      const Position p = index_.positions();
      const Position end = read_request(p);
      if (end == stop_) return;
      if (end == nullptr && broken_ == 0) broken_ = *p;
    }
    Malformed malformed = find_fault(body, length);
    // The text is JSON, but not what it should be.
    if (malformed.reason == std::string_view("trailing characters") && malformed.offset == length) {
      malformed = {broken_, reason_ != nullptr ? reason_ : "not an OTLP request"};
    }
    sink_.malformed(malformed);
  }

  void release() {
    OtlpJsonValues::release();
    resource_json_.release();
    scope_json_.release();
  }

  using OtlpJsonValues::first_text;
  using OtlpJsonValues::write_key_value;
  using OtlpJsonValues::write_plain;

 private:
  // ---- the frame ----

  Position fail(Position p, const char* reason) {
    if (reason_ == nullptr) {
      reason_ = reason;
      broken_ = *p;
    }
    return nullptr;
  }

  Position read_request(Position p) {
    if (text_[*p] != '{') return fail(p, "not an object");
    uint32_t seen = 0;
    return read_message(p, 1, [&](Text key, Position q) -> Position {
      if (!is_name(key, "resourceSpans", "resource_spans")) return read_unknown_frame(key, q, 1);
      if (!mark(seen, 0)) return fail(q, "repeated key");
      return read_list_of(q, 2, [&](Position item) { return read_resource_spans(item); });
    });
  }

  Position read_unknown_frame(Text key, Position p, unsigned depth) {
    const Position next = read_unknown(key, p, depth);
    return next != nullptr ? next : fail(p, "repeated key, deep nesting or lone surrogate");
  }

  template <typename Item>
  MPLP_INLINE Position read_list_of(Position p, unsigned depth, Item item) {
    if (is_null(p)) return p + 1;
    if (text_[*p] != '[') return fail(p, "not an array");
    return read_elements(p, depth, item);
  }

  Position read_resource_spans(Position p) {
    if (text_[*p] != '{') return fail(p, "not an object");
    const size_t arena = arena_.size();
    Heads heads;
    heads.first_row = sink_.block().rows();
    begin_resource();
    const Position next = read_message(p, 3, [&](Text key, Position q) -> Position {
      if (is_name(key, "resource")) return take_resource(q, heads);
      if (is_name(key, "schemaUrl", "schema_url")) return read_schema_url(q, heads, resource_json_, resource_.json);
      if (!is_name(key, "scopeSpans", "scope_spans")) return read_unknown_frame(key, q, 3);
      if (!mark(heads.seen, kList)) return fail(q, "repeated key");
      if ((heads.seen >> kHead & 1) == 0) {
        const Position at = find_member_behind(q, [](Text other) { return is_name(other, "resource"); });
        const size_t escape = escape_;
        if (at != nullptr) {
          take_resource(at, heads);
          heads.is_read_ahead = true;
        }
        escape_ = escape;
      }
      return read_list_of(q, 4, [&](Position item) { return read_scope_spans(item); });
    });
    if (heads.is_url_late && next != nullptr) sink_.block().set_otel_resource(heads.first_row, resource_.json);
    arena_.truncate(arena);
    return next;
  }

  Position read_scope_spans(Position p) {
    if (text_[*p] != '{') return fail(p, "not an object");
    const size_t arena = arena_.size();
    Heads heads;
    heads.first_row = sink_.block().rows();
    begin_scope();
    const Position next = read_message(p, 5, [&](Text key, Position q) -> Position {
      if (is_name(key, "scope")) return take_scope(q, heads);
      if (is_name(key, "schemaUrl", "schema_url")) return read_schema_url(q, heads, scope_json_, scope_.json);
      if (!is_name(key, "spans")) return read_unknown_frame(key, q, 5);
      if (!mark(heads.seen, kList)) return fail(q, "repeated key");
      if ((heads.seen >> kHead & 1) == 0) {
        const Position at = find_member_behind(q, [](Text other) { return is_name(other, "scope"); });
        const size_t escape = escape_;
        if (at != nullptr) {
          take_scope(at, heads);
          heads.is_read_ahead = true;
        }
        escape_ = escape;
      }
      const size_t strings = arena_.size();
      return read_list_of(q, 6, [&](Position item) {
        arena_.truncate(strings);
        return read_item(item);
      });
    });
    if (heads.is_url_late && next != nullptr) sink_.block().set_otel_scope(heads.first_row, scope_.json);
    arena_.truncate(arena);
    return next;
  }

  // ---- resource and scope ----

  enum HeadBit : unsigned { kHead, kUrl, kList };

  struct Heads {
    uint32_t seen = 0;
    size_t first_row = 0;
    bool is_read_ahead = false;
    bool is_url_late = false;
  };

  void begin_resource() {
    names_.clear();
    resource_json_.clear();
    resource_.is_faulty = false;
    resource_.json = {};
    names_.finish(resource_, span_.ids());
  }
  void begin_scope() {
    scope_json_.clear();
    scope_.is_faulty = false;
    scope_.json = {};
  }

  /// Reads the resource at `p`, also ahead of its turn; one that is not valid makes its spans faulty.
  Position take_resource(Position p, Heads& heads) {
    if (heads.is_read_ahead) {
      heads.is_read_ahead = false;
      return pass_over(p);
    }
    if (!mark(heads.seen, kHead)) return fail(p, "repeated key");
    const size_t keys = keys_.mark();
    const Position next = read_resource(p);
    keys_.rewind(keys);
    if (next == nullptr) resource_.is_faulty = true;
    resource_.json = {resource_json_.text(), 0, 0};
    names_.finish(resource_, span_.ids());
    return next != nullptr ? next : pass_over(p);
  }

  Position take_scope(Position p, Heads& heads) {
    if (heads.is_read_ahead) {
      heads.is_read_ahead = false;
      return pass_over(p);
    }
    if (!mark(heads.seen, kHead)) return fail(p, "repeated key");
    const size_t keys = keys_.mark();
    const Position next = read_scope(p);
    keys_.rewind(keys);
    if (next == nullptr) scope_.is_faulty = true;
    scope_.json = {scope_json_.text(), 0, 0};
    return next != nullptr ? next : pass_over(p);
  }

  bool is_too_large(Position p) const {
    const Position next = step_over(p);
    return next == nullptr || raw_value(p, next).size > kMaxContextBytes;
  }

  Position read_resource(Position p) {
    if (is_null(p)) return p + 1;
    if (is_too_large(p)) return nullptr;
    uint32_t seen = 0;
    uint32_t dropped = 0;
    OtlpObject object(resource_json_);
    p = read_message(p, 1, [&](Text key, Position q) -> Position {
      if (is_name(key, "attributes")) {
        return mark(seen, 0) ? write_attributes(q, 1, object, resource_json_, &names_, nullptr) : nullptr;
      }
      if (is_name(key, "droppedAttributesCount", "dropped_attributes_count")) {
        return mark(seen, 1) ? read_uint32(q, dropped) : nullptr;
      }
      if (is_name(key, "entityRefs", "entity_refs")) {
        return mark(seen, 2) ? read_entity_references(q, object) : nullptr;
      }
      return read_unknown(key, q, 1);
    });
    object.put_number(R"("droppedAttributesCount":)", dropped);
    object.close(false);
    return p;
  }

  Position read_entity_references(Position p, OtlpObject& object) {
    if (is_null(p)) return p + 1;
    bool first = true;
    p = read_elements(p, 2, [&](Position item) -> Position {
      if (first) {
        object.open(R"("entityRefs":[)");
      } else {
        resource_json_.put(',');
      }
      first = false;
      uint32_t seen = 0;
      OtlpObject reference(resource_json_);
      item = read_message(item, 3, [&](Text key, Position q) -> Position {
        Text text;
        if (is_name(key, "schemaUrl", "schema_url")) {
          q = mark(seen, 0) ? read_text(q, text) : nullptr;
          reference.put_text(R"("schemaUrl":)", text);
          return q;
        }
        if (is_name(key, "type")) {
          q = mark(seen, 1) ? read_text(q, text) : nullptr;
          reference.put_text(R"("type":)", text);
          return q;
        }
        if (is_name(key, "idKeys", "id_keys")) {
          return mark(seen, 2) ? read_texts(q, R"("idKeys":[)", reference) : nullptr;
        }
        if (is_name(key, "descriptionKeys", "description_keys")) {
          return mark(seen, 3) ? read_texts(q, R"("descriptionKeys":[)", reference) : nullptr;
        }
        return read_unknown(key, q, 3);
      });
      reference.close(true);
      return item;
    });
    if (!first) resource_json_.put(']');
    return p;
  }

  Position read_texts(Position p, std::string_view name, OtlpObject& object) {
    if (is_null(p)) return p + 1;
    bool first = true;
    p = read_elements(p, 4, [&](Position item) -> Position {
      Text text;
      if (!read_string(item, text)) return nullptr;
      if (first) {
        object.open(name);
      } else {
        resource_json_.put(',');
      }
      first = false;
      resource_json_.put_string(text);
      return item + 1;
    });
    if (!first) resource_json_.put(']');
    return p;
  }

  Position read_scope(Position p) {
    if (is_null(p)) return p + 1;
    if (is_too_large(p)) return nullptr;
    uint32_t seen = 0;
    uint32_t dropped = 0;
    Text name, version;
    OtlpObject object(scope_json_);
    p = read_message(p, 1, [&](Text key, Position q) -> Position {
      if (is_name(key, "name")) return mark(seen, 0) ? read_text(q, name) : nullptr;
      if (is_name(key, "version")) return mark(seen, 1) ? read_text(q, version) : nullptr;
      if (is_name(key, "attributes")) {
        return mark(seen, 2) ? write_attributes(q, 1, object, scope_json_, nullptr, nullptr) : nullptr;
      }
      if (is_name(key, "droppedAttributesCount", "dropped_attributes_count")) {
        return mark(seen, 3) ? read_uint32(q, dropped) : nullptr;
      }
      return read_unknown(key, q, 1);
    });
    object.put_text(R"("name":)", name);
    object.put_text(R"("version":)", version);
    object.put_number(R"("droppedAttributesCount":)", dropped);
    object.close(false);
    return p;
  }

  /// The schema URL belongs to the JSON object of a resource or scope, wherever it stands; rows that were
  /// appended before it are told of it afterwards.
  Position read_schema_url(Position p, Heads& heads, JsonText& json, CachedText& cached) {
    Text url;
    if (!mark(heads.seen, kUrl)) return fail(p, "repeated key");
    const Position next = read_text(p, url);
    if (next == nullptr) return fail(p, "schema URL not a text");
    if (url.size > kMaxContextBytes) return fail(p, "schema URL too long");
    if (url.size == 0) return next;
    if ((heads.seen >> kHead & 1) == 0 && (heads.seen >> kList & 1) == 0) {
      // What it belongs to comes later and begins its text anew.
      const Position at = find_member_behind(p, [&](Text other) {
        return &json == &resource_json_ ? is_name(other, "resource") : is_name(other, "scope");
      });
      const size_t escape = escape_;
      if (at != nullptr) {
        if (&json == &resource_json_) {
          take_resource(at, heads);
        } else {
          take_scope(at, heads);
        }
        heads.is_read_ahead = true;
      }
      escape_ = escape;
    }
    if (json.empty()) {
      json.put('{');
    } else {
      json.replace_last(',');
    }
    json.put(R"("schemaUrl":)");
    json.put_string(url);
    json.put('}');
    cached = {json.text(), 0, 0};
    heads.is_url_late = (heads.seen >> kList & 1) != 0;
    return next;
  }

  // ---- spans ----

  /// Reads one span, or steps over what stands in its place. Null when the text breaks there.
  Position read_item(Position p) {
    const size_t begin = *p;
    const size_t keys = keys_.mark();
    const Position next = read_span(p);
    keys_.rewind(keys);
    if (next != nullptr && sink_.accept(span_.fields(), begin, next[-1] + size_t{1})) return next;
    const Position behind = pass_over(p);
    if (behind != nullptr) sink_.refuse(begin, trim_white_space(text_, begin, *behind));
    return behind;
  }

  Position read_span(Position p) {
    OtlpParts parts;
    uint32_t seen = 0;
    span_.clear();
    p = read_message(p, 1, [&](Text key, Position q) MPLP_LAMBDA_INLINE -> Position {
      const unsigned member = span_member(key);
      if (member == kUnknown) return read_unknown(key, q, 1);
      return mark(seen, member) ? read_span_member(q, member, parts) : nullptr;
    });
    return p != nullptr && span_.finish(parts, resource_, scope_) ? p : nullptr;
  }

  enum SpanMember : unsigned {
    kTraceIdMember,
    kSpanIdMember,
    kTraceStateMember,
    kParentMember,
    kNameMember,
    kKindMember,
    kStartMember,
    kEndMember,
    kAttributesMember,
    kDroppedAttributesMember,
    kEventsMember,
    kDroppedEventsMember,
    kLinksMember,
    kDroppedLinksMember,
    kStatusMember,
    kFlagsMember,
    kUnknown,
  };

  static unsigned span_member(Text key) {
    switch (key.size) {
      case 4:
        return is_name(key, "name") ? kNameMember : is_name(key, "kind") ? kKindMember : kUnknown;
      case 5:
        return is_name(key, "flags") ? kFlagsMember : is_name(key, "links") ? kLinksMember : kUnknown;
      case 6:
        return is_name(key, "spanId")   ? kSpanIdMember
               : is_name(key, "status") ? kStatusMember
               : is_name(key, "events") ? kEventsMember
                                        : kUnknown;
      case 7:
        return is_name(key, "traceId") ? kTraceIdMember : is_name(key, "span_id") ? kSpanIdMember : kUnknown;
      case 8:
        return is_name(key, "trace_id") ? kTraceIdMember : kUnknown;
      case 10:
        return is_name(key, "attributes")   ? kAttributesMember
               : is_name(key, "traceState") ? kTraceStateMember
                                            : kUnknown;
      case 11:
        return is_name(key, "trace_state") ? kTraceStateMember : kUnknown;
      case 12:
        return is_name(key, "parentSpanId") ? kParentMember : kUnknown;
      case 14:
        return is_name(key, "parent_span_id") ? kParentMember : kUnknown;
      case 15:
        return is_name(key, "endTimeUnixNano") ? kEndMember : kUnknown;
      case 17:
        return is_name(key, "startTimeUnixNano")   ? kStartMember
               : is_name(key, "droppedLinksCount") ? kDroppedLinksMember
                                                   : kUnknown;
      default:
        if (is_name(key, "end_time_unix_nano")) return kEndMember;
        if (is_name(key, "start_time_unix_nano")) return kStartMember;
        if (is_name(key, "droppedEventsCount", "dropped_events_count")) return kDroppedEventsMember;
        if (is_name(key, "droppedAttributesCount", "dropped_attributes_count")) return kDroppedAttributesMember;
        if (is_name(key, "dropped_links_count")) return kDroppedLinksMember;
        return kUnknown;
    }
  }

  MPLP_INLINE Position read_span_member(Position p, unsigned member, OtlpParts& parts) {
    uint8_t id[16 + 8];
    bool is_there;
    switch (member) {
      case kTraceIdMember:
        p = read_hex(p, 16, id, is_there);
        if (p != nullptr && is_there) parts.trace_id = uuid_of_bytes(id);
        return p;
      case kSpanIdMember:
        p = read_hex(p, 8, id, is_there);
        if (p != nullptr && is_there) parts.span_id = __builtin_bswap64(load64(id));
        return p;
      case kParentMember:
        p = read_hex(p, 8, id, is_there);
        if (p != nullptr && is_there) parts.parent_span_id = __builtin_bswap64(load64(id));
        return p;
      case kTraceStateMember:
        return read_text(p, parts.trace_state);
      case kNameMember:
        return read_text(p, parts.name);
      case kKindMember:
        return read_enum(p, parts.kind);
      case kStartMember:
        return read_unsigned(p, UINT64_MAX, parts.start);
      case kEndMember:
        return read_unsigned(p, UINT64_MAX, parts.end);
      case kAttributesMember:
        return read_attributes(p, 1, [&](Text key, const OtlpValue& value) MPLP_LAMBDA_INLINE {
          return span_.add_attribute(*this, key, value);
        });
      case kDroppedAttributesMember:
        return read_uint32(p, parts.dropped_attributes);
      case kEventsMember:
        return is_null(p) ? p + 1 : read_elements(p, 2, [&](Position q) { return read_event(q, parts); });
      case kDroppedEventsMember:
        return read_uint32(p, parts.dropped_events);
      case kLinksMember:
        return is_null(p) ? p + 1 : read_elements(p, 2, [&](Position q) { return read_link(q); });
      case kDroppedLinksMember:
        return read_uint32(p, parts.dropped_links);
      case kStatusMember:
        return is_null(p) ? p + 1 : read_status(p, parts);
      default:
        return read_uint32(p, parts.flags);
    }
  }

  Position read_status(Position p, OtlpParts& parts) {
    uint32_t seen = 0;
    return read_message(p, 2, [&](Text key, Position q) -> Position {
      if (is_name(key, "message")) return mark(seen, 0) ? read_text(q, parts.status_message) : nullptr;
      if (is_name(key, "code")) return mark(seen, 1) ? read_enum(q, parts.status_code) : nullptr;
      return read_unknown(key, q, 2);
    });
  }

  MPLP_NOINLINE Position read_event(Position p, OtlpParts& parts) {
    JsonText& out = span_.events();
    out.put(',');
    OtlpObject object(out);
    uint32_t seen = 0;
    uint32_t dropped = 0;
    uint64_t time = 0;
    Text name, message;
    p = read_message(p, 3, [&](Text key, Position q) -> Position {
      if (is_name(key, "name")) return mark(seen, 0) ? read_text(q, name) : nullptr;
      if (is_name(key, "timeUnixNano", "time_unix_nano")) {
        return mark(seen, 1) ? read_unsigned(q, UINT64_MAX, time) : nullptr;
      }
      if (is_name(key, "attributes")) {
        return mark(seen, 2) ? write_attributes(q, 3, object, out, nullptr, &message) : nullptr;
      }
      if (is_name(key, "droppedAttributesCount", "dropped_attributes_count")) {
        return mark(seen, 3) ? read_uint32(q, dropped) : nullptr;
      }
      return read_unknown(key, q, 3);
    });
    object.put_long(R"("timeUnixNano":)", time);
    object.put_text(R"("name":)", name);
    object.put_number(R"("droppedAttributesCount":)", dropped);
    object.close(true);
    if (is_name(name, "exception") && parts.exception_message.size == 0) parts.exception_message = message;
    return p;
  }

  MPLP_NOINLINE Position read_link(Position p) {
    JsonText& out = span_.links();
    out.put(',');
    OtlpObject object(out);
    uint32_t seen = 0;
    uint32_t dropped = 0, flags = 0;
    Text trace_state;
    p = read_message(p, 3, [&](Text key, Position q) -> Position {
      uint8_t id[16];
      bool is_there;
      if (is_name(key, "traceId", "trace_id")) {
        q = mark(seen, 0) ? read_hex(q, 16, id, is_there) : nullptr;
        if (q != nullptr && is_there) object.put_hex(R"("traceId":)", {id, 16});
        return q;
      }
      if (is_name(key, "spanId", "span_id")) {
        q = mark(seen, 1) ? read_hex(q, 8, id, is_there) : nullptr;
        if (q != nullptr && is_there) object.put_hex(R"("spanId":)", {id, 8});
        return q;
      }
      if (is_name(key, "traceState", "trace_state")) return mark(seen, 2) ? read_text(q, trace_state) : nullptr;
      if (is_name(key, "attributes")) {
        return mark(seen, 3) ? write_attributes(q, 3, object, out, nullptr, nullptr) : nullptr;
      }
      if (is_name(key, "droppedAttributesCount", "dropped_attributes_count")) {
        return mark(seen, 4) ? read_uint32(q, dropped) : nullptr;
      }
      if (is_name(key, "flags")) return mark(seen, 5) ? read_uint32(q, flags) : nullptr;
      return read_unknown(key, q, 3);
    });
    object.put_text(R"("traceState":)", trace_state);
    object.put_number(R"("droppedAttributesCount":)", dropped);
    object.put_number(R"("flags":)", flags);
    object.close(true);
    return p;
  }

  SpanSink& sink_;
  OtlpSpan& span_;
  OtlpResource resource_;
  OtlpScope scope_;
  OtlpResourceNames names_;
  JsonText resource_json_;
  JsonText scope_json_;
  const char* reason_ = nullptr;
  size_t broken_ = 0;
};

}  // namespace mplp::MPLP_KERNEL
