#pragma once

namespace mplp::MPLP_KERNEL {

/// Reads the spans of an OTLP `ExportTraceServiceRequest` from its protobuf bytes. What a resource and a
/// scope say is read once for all of their spans. As in every reader of the format, unknown fields are
/// skipped, and of a field that occurs twice the last counts.
///
/// Bytes that break outside of spans, resources and scopes make the whole body malformed; a broken span is
/// refused alone, and a broken resource or scope with all of its spans.
class OtlpProtobufDecoder {
 public:
  OtlpProtobufDecoder(SpanSink& sink, OtlpSpan& span) : sink_(sink), span_(span) {}

  void read_body(const uint8_t* body, size_t length) {
    using namespace protobuf;
    body_ = body;
    span_.begin_body();
    const Text request{body, length};
    const Cursor broken =
        for_each_field(request, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
          if (tag != tag_of(1, kBytes)) return skip(tag, p, end);
          Text message;
          p = read_bytes(p, end, message);
          return p != nullptr && read_resource_spans(message) ? p : nullptr;
        });
    if (broken == nullptr) return;
    if (fault_.reason == nullptr) set_fault(broken, body + length);
    sink_.malformed(fault_);
    fault_ = {};
  }

  void release() {
    resource_json_.release();
    scope_json_.release();
  }

  // ---- what OtlpSpan asks for ----

  /// Writes the member or element of a list. False when it is not valid.
  bool write_key_value(Text key, const OtlpValue& value, JsonText& out) {
    return write_key_value(key, value, 1, out);
  }

  /// Writes a value that `write_key_value` found valid as plain JSON.
  void write_plain(const OtlpValue& value, JsonText& out) {
    using namespace protobuf;
    if (write_single_plain(value, out)) return;
    const bool is_array = value.kind == OtlpValue::array;
    bool first = true;
    out.put(is_array ? '[' : '{');
    read_fields(value.text, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
      if (tag != tag_of(1, kBytes)) return skip(tag, p, end);
      Text message, key;
      p = read_bytes(p, end, message);
      if (p == nullptr) return nullptr;
      if (!first) out.put(',');
      first = false;
      OtlpValue item;
      if (is_array) {
        read_any_value(message, item);
      } else {
        read_key_value(message, key, item);
        out.put_string(key);
        out.put(':');
      }
      write_plain(item, out);
      return p;
    });
    out.put(is_array ? ']' : '}');
  }

  /// The first text of an array.
  bool first_text(const OtlpValue& array, Text& text) {
    using namespace protobuf;
    bool found = false;
    read_fields(array.text, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
      Text message;
      OtlpValue item;
      if (tag != tag_of(1, kBytes) || found) return skip(tag, p, end);
      p = read_bytes(p, end, message);
      if (p == nullptr || !read_any_value(message, item)) return nullptr;
      found = item.kind == OtlpValue::string;
      if (found) text = item.text;
      return p;
    });
    return found;
  }

 private:
  using Cursor = protobuf::Cursor;

  void set_fault(Cursor p, Cursor end) {
    fault_ = {static_cast<size_t>(p - body_), protobuf::fault_of_field(p, end)};
  }

  // ---- the frame ----

  /// Finds the parts of a message that come before its spans in meaning but not always in the bytes.
  bool read_frame(Text message, Text& head, bool& has_head, Text& schema_url) {
    using namespace protobuf;
    has_head = false;
    head = schema_url = {};
    const Cursor broken = for_each_field(message, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
      if (tag == tag_of(1, kBytes)) {
        has_head = true;
        return read_bytes(p, end, head);
      }
      if (tag == tag_of(3, kBytes)) return read_bytes(p, end, schema_url);
      return skip(tag, p, end);
    });
    if (broken == nullptr && schema_url.size <= kMaxContextBytes && is_valid_utf8(schema_url)) return true;
    if (broken != nullptr) {
      set_fault(broken, message.data + message.size);
    } else {
      fault_ = {static_cast<size_t>(schema_url.data - body_),
                schema_url.size > kMaxContextBytes ? "schema URL too long" : "schema URL not UTF-8"};
    }
    return false;
  }

  bool read_resource_spans(Text message) {
    using namespace protobuf;
    Text head, schema_url;
    bool has_head;
    if (!read_frame(message, head, has_head, schema_url)) return false;
    resource_.is_faulty = !read_resource(head, schema_url);
    return read_fields(message, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
      if (tag != tag_of(2, kBytes)) return skip(tag, p, end);
      Text spans;
      p = read_bytes(p, end, spans);
      return p != nullptr && read_scope_spans(spans) ? p : nullptr;
    });
  }

  bool read_scope_spans(Text message) {
    using namespace protobuf;
    Text head, schema_url;
    bool has_head;
    if (!read_frame(message, head, has_head, schema_url)) return false;
    scope_.is_faulty = !read_scope(head, schema_url);
    return read_fields(message, [&](uint32_t tag, Cursor p, Cursor end) MPLP_LAMBDA_INLINE -> Cursor {
      if (tag != tag_of(2, kBytes)) return skip(tag, p, end);
      Text span;
      p = read_bytes(p, end, span);
      const auto begin = static_cast<size_t>(span.data - body_);
      if (span.size > sink_.max_span_bytes() || !read_span(span) ||
          !sink_.accept(span_.fields(), begin, begin + span.size)) {
        sink_.refuse(begin, begin + span.size);
      }
      return p;
    });
  }

  /// The schema URL of a resource or scope belongs to its JSON object.
  bool read_resource(Text message, Text schema_url) {
    using namespace protobuf;
    if (message.size > kMaxContextBytes) return false;
    names_.clear();
    resource_json_.clear();
    OtlpObject object(resource_json_);
    uint32_t dropped = 0;
    bool has_references = false;
    if (!write_attributes(message, tag_of(1, kBytes), object, resource_json_, &names_) ||
        !read_fields(message, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
          if (tag == tag_of(2, kVarint)) return read_number(p, end, dropped);
          if (tag == tag_of(3, kBytes)) has_references = true;
          return skip(tag, p, end);
        })) {
      return false;
    }
    object.put_number(R"("droppedAttributesCount":)", dropped);
    if (has_references) {
      object.open(R"("entityRefs":[)");
      if (!write_entity_references(message)) return false;
      resource_json_.put(']');
    }
    object.put_text(R"("schemaUrl":)", schema_url);
    object.close(false);
    resource_.json = {resource_json_.text(), 0, 0};
    names_.finish(resource_, span_.ids());
    return true;
  }

  bool write_entity_references(Text resource) {
    using namespace protobuf;
    bool first = true;
    return read_fields(resource, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
      if (tag != tag_of(3, kBytes)) return skip(tag, p, end);
      Text message, schema_url, type;
      p = read_bytes(p, end, message);
      if (p == nullptr) return nullptr;
      if (!first) resource_json_.put(',');
      first = false;
      OtlpObject object(resource_json_);
      if (!read_fields(message, [&](uint32_t inner, Cursor q, Cursor stop) -> Cursor {
            if (inner == tag_of(1, kBytes)) return read_bytes(q, stop, schema_url);
            if (inner == tag_of(2, kBytes)) return read_bytes(q, stop, type);
            return skip(inner, q, stop);
          })) {
        return nullptr;
      }
      if (!is_valid_utf8(schema_url) || !is_valid_utf8(type)) return nullptr;
      object.put_text(R"("schemaUrl":)", schema_url);
      object.put_text(R"("type":)", type);
      if (!write_texts(message, tag_of(3, kBytes), R"("idKeys":[)", object) ||
          !write_texts(message, tag_of(4, kBytes), R"("descriptionKeys":[)", object)) {
        return nullptr;
      }
      object.close(true);
      return p;
    });
  }

  bool write_texts(Text message, uint32_t field, std::string_view name, OtlpObject& object) {
    using namespace protobuf;
    bool first = true;
    if (!read_fields(message, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
          if (tag != field) return skip(tag, p, end);
          Text text;
          p = read_bytes(p, end, text);
          if (p == nullptr || !is_valid_utf8(text)) return nullptr;
          if (first) {
            object.open(name);
          } else {
            resource_json_.put(',');
          }
          first = false;
          resource_json_.put_string(text);
          return p;
        })) {
      return false;
    }
    if (!first) resource_json_.put(']');
    return true;
  }

  bool read_scope(Text message, Text schema_url) {
    using namespace protobuf;
    if (message.size > kMaxContextBytes) return false;
    scope_json_.clear();
    OtlpObject object(scope_json_);
    Text name, version;
    uint32_t dropped = 0;
    if (!read_fields(message, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
          if (tag == tag_of(1, kBytes)) return read_bytes(p, end, name);
          if (tag == tag_of(2, kBytes)) return read_bytes(p, end, version);
          if (tag == tag_of(4, kVarint)) return read_number(p, end, dropped);
          return skip(tag, p, end);
        }) ||
        !is_valid_utf8(name) || !is_valid_utf8(version)) {
      return false;
    }
    object.put_text(R"("name":)", name);
    object.put_text(R"("version":)", version);
    if (!write_attributes(message, tag_of(3, kBytes), object, scope_json_, nullptr)) return false;
    object.put_number(R"("droppedAttributesCount":)", dropped);
    object.put_text(R"("schemaUrl":)", schema_url);
    object.close(false);
    scope_.json = {scope_json_.text(), 0, 0};
    return true;
  }

  // ---- values ----

  /// Reads an AnyValue without looking into lists and texts.
  static MPLP_INLINE bool read_any_value(Text message, OtlpValue& value) {
    using namespace protobuf;
    value.kind = OtlpValue::empty;
    return read_fields(message, [&](uint32_t tag, Cursor p, Cursor end) MPLP_LAMBDA_INLINE -> Cursor {
      uint64_t number;
      switch (tag) {
        case tag_of(1, kBytes):
          value.kind = OtlpValue::string;
          return read_bytes(p, end, value.text);
        case tag_of(2, kVarint):
          value.kind = OtlpValue::boolean;
          p = read_varint(p, end, number);
          value.integer_value = number != 0;
          return p;
        case tag_of(3, kVarint):
          value.kind = OtlpValue::integer;
          return read_number(p, end, value.integer_value);
        case tag_of(4, kFixed64):
          value.kind = OtlpValue::real;
          p = read_fixed64(p, end, number);
          if (p != nullptr) value.real_value = std::bit_cast<double>(number);
          return p;
        case tag_of(5, kBytes):
          value.kind = OtlpValue::array;
          return read_bytes(p, end, value.text);
        case tag_of(6, kBytes):
          value.kind = OtlpValue::list;
          return read_bytes(p, end, value.text);
        case tag_of(7, kBytes):
          value.kind = OtlpValue::bytes;
          return read_bytes(p, end, value.text);
        default:
          return skip(tag, p, end);
      }
    });
  }

  static MPLP_INLINE bool read_key_value(Text message, Text& key, OtlpValue& value) {
    using namespace protobuf;
    key = {};
    value.kind = OtlpValue::absent;
    return read_fields(message, [&](uint32_t tag, Cursor p, Cursor end) MPLP_LAMBDA_INLINE -> Cursor {
      if (tag == tag_of(1, kBytes)) return read_bytes(p, end, key);
      if (tag != tag_of(2, kBytes)) return skip(tag, p, end);
      Text any;
      p = read_bytes(p, end, any);
      return p != nullptr && read_any_value(any, value) ? p : nullptr;
    });
  }

  bool write_value(const OtlpValue& value, unsigned depth, JsonText& out) {
    using namespace protobuf;
    if (depth > kMaxValueDepth) return false;
    if (value.kind == OtlpValue::string && !is_valid_utf8(value.text)) return false;
    if (write_single_value(value, out)) return true;
    const bool is_array = value.kind == OtlpValue::array;
    out.put(is_array ? R"({"arrayValue":{)" : R"({"kvlistValue":{)");
    bool first = true;
    if (!read_fields(value.text, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
          if (tag != tag_of(1, kBytes)) return skip(tag, p, end);
          Text message, key;
          OtlpValue item;
          p = read_bytes(p, end, message);
          if (p == nullptr) return nullptr;
          out.put(first ? std::string_view(R"("values":[)") : ",");
          first = false;
          const bool good = is_array ? read_any_value(message, item) && write_value(item, depth + 1, out)
                                     : read_key_value(message, key, item) &&
                                           write_key_value(key, item, depth + 1, out);
          return good ? p : nullptr;
        })) {
      return false;
    }
    out.put(first ? "}}" : "]}}");
    return true;
  }

  bool write_key_value(Text key, const OtlpValue& value, unsigned depth, JsonText& out) {
    if (!is_valid_utf8(key)) return false;
    OtlpObject object(out);
    object.put_text(R"("key":)", key);
    if (value.kind != OtlpValue::absent) {
      object.open(R"("value":)");
      if (!write_value(value, depth, out)) return false;
    }
    object.close(true);
    return true;
  }

  /// Writes the member `attributes` of the fields with the given tag; none when there are none.
  bool write_attributes(Text message, uint32_t field, OtlpObject& object, JsonText& out,
                        OtlpResourceNames* names) {
    using namespace protobuf;
    bool first = true;
    if (!read_fields(message, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
          if (tag != field) return skip(tag, p, end);
          Text pair, key;
          OtlpValue value;
          p = read_bytes(p, end, pair);
          if (p == nullptr || !read_key_value(pair, key, value)) return nullptr;
          if (first) {
            object.open(R"("attributes":[)");
          } else {
            out.put(',');
          }
          first = false;
          if (!write_key_value(key, value, 1, out)) return nullptr;
          if (names != nullptr) names->add(key, value);
          return p;
        })) {
      return false;
    }
    if (!first) out.put(']');
    return true;
  }

  // ---- spans ----

  /// Reads the span into `span_.fields()`; false when it is not valid.
  bool read_span(Text message) {
    using namespace protobuf;
    OtlpParts parts;
    Text trace_id, span_id, parent_span_id;
    span_.clear();
    if (!read_fields(message, [&](uint32_t tag, Cursor p, Cursor end) MPLP_LAMBDA_INLINE -> Cursor {
          switch (tag) {
            case tag_of(1, kBytes):
              return read_bytes(p, end, trace_id);
            case tag_of(2, kBytes):
              return read_bytes(p, end, span_id);
            case tag_of(3, kBytes):
              return read_bytes(p, end, parts.trace_state);
            case tag_of(4, kBytes):
              return read_bytes(p, end, parent_span_id);
            case tag_of(5, kBytes):
              return read_bytes(p, end, parts.name);
            case tag_of(6, kVarint):
              return read_number(p, end, parts.kind);
            case tag_of(7, kFixed64):
              return read_fixed64(p, end, parts.start);
            case tag_of(8, kFixed64):
              return read_fixed64(p, end, parts.end);
            case tag_of(9, kBytes): {
              Text pair, key;
              OtlpValue value;
              p = read_bytes(p, end, pair);
              return MPLP_LIKELY(p != nullptr) && read_key_value(pair, key, value) &&
                             span_.add_attribute(*this, key, value)
                         ? p
                         : nullptr;
            }
            case tag_of(10, kVarint):
              return read_number(p, end, parts.dropped_attributes);
            case tag_of(11, kBytes):
              return read_event(p, end, parts);
            case tag_of(12, kVarint):
              return read_number(p, end, parts.dropped_events);
            case tag_of(13, kBytes):
              return read_link(p, end);
            case tag_of(14, kVarint):
              return read_number(p, end, parts.dropped_links);
            case tag_of(15, kBytes):
              return read_status(p, end, parts);
            case tag_of(16, kFixed32):
              return read_fixed32(p, end, parts.flags);
            default:
              return skip(tag, p, end);
          }
        })) {
      return false;
    }
    if (trace_id.size != 16 || span_id.size != 8 || (parent_span_id.size != 0 && parent_span_id.size != 8))
      return false;
    parts.trace_id = uuid_of_bytes(trace_id.data);
    parts.span_id = __builtin_bswap64(load64(span_id.data));
    if (parent_span_id.size == 8) parts.parent_span_id = __builtin_bswap64(load64(parent_span_id.data));
    return span_.finish(parts, resource_, scope_);
  }

  Cursor read_status(Cursor p, Cursor end, OtlpParts& parts) {
    using namespace protobuf;
    Text message;
    p = read_bytes(p, end, message);
    if (p == nullptr) return nullptr;
    parts.status_message = {};
    parts.status_code = 0;
    const bool good = read_fields(message, [&](uint32_t tag, Cursor q, Cursor stop) -> Cursor {
      if (tag == tag_of(2, kBytes)) return read_bytes(q, stop, parts.status_message);
      if (tag == tag_of(3, kVarint)) return read_number(q, stop, parts.status_code);
      return skip(tag, q, stop);
    });
    return good ? p : nullptr;
  }

  MPLP_NOINLINE Cursor read_event(Cursor p, Cursor end, OtlpParts& parts) {
    using namespace protobuf;
    Text message, name;
    uint64_t time = 0;
    uint32_t dropped = 0;
    p = read_bytes(p, end, message);
    if (p == nullptr || !read_fields(message, [&](uint32_t tag, Cursor q, Cursor stop) -> Cursor {
          if (tag == tag_of(1, kFixed64)) return read_fixed64(q, stop, time);
          if (tag == tag_of(2, kBytes)) return read_bytes(q, stop, name);
          if (tag == tag_of(4, kVarint)) return read_number(q, stop, dropped);
          return skip(tag, q, stop);
        }) ||
        !is_valid_utf8(name)) {
      return nullptr;
    }
    JsonText& out = span_.events();
    out.put(',');
    OtlpObject object(out);
    object.put_long(R"("timeUnixNano":)", time);
    object.put_text(R"("name":)", name);
    if (!write_attributes(message, tag_of(3, kBytes), object, out, nullptr)) return nullptr;
    object.put_number(R"("droppedAttributesCount":)", dropped);
    object.close(true);
    if (name.size == 9 && is_word(name.data, "exception") && parts.exception_message.size == 0)
      find_exception_message(message, parts.exception_message);
    return p;
  }

  /// Of an event that was found valid.
  static void find_exception_message(Text event, Text& message) {
    using namespace protobuf;
    read_fields(event, [&](uint32_t tag, Cursor p, Cursor end) -> Cursor {
      if (tag != tag_of(3, kBytes)) return skip(tag, p, end);
      Text pair, key;
      OtlpValue value;
      p = read_bytes(p, end, pair);
      if (p == nullptr || !read_key_value(pair, key, value)) return nullptr;
      if (message.size == 0 && key.size == 17 && is_word(key.data, "exception.message") &&
          value.kind == OtlpValue::string) {
        message = value.text;
      }
      return p;
    });
  }

  MPLP_NOINLINE Cursor read_link(Cursor p, Cursor end) {
    using namespace protobuf;
    Text message, trace_id, span_id, trace_state;
    uint32_t dropped = 0, flags = 0;
    p = read_bytes(p, end, message);
    if (p == nullptr || !read_fields(message, [&](uint32_t tag, Cursor q, Cursor stop) -> Cursor {
          if (tag == tag_of(1, kBytes)) return read_bytes(q, stop, trace_id);
          if (tag == tag_of(2, kBytes)) return read_bytes(q, stop, span_id);
          if (tag == tag_of(3, kBytes)) return read_bytes(q, stop, trace_state);
          if (tag == tag_of(5, kVarint)) return read_number(q, stop, dropped);
          if (tag == tag_of(6, kFixed32)) return read_fixed32(q, stop, flags);
          return skip(tag, q, stop);
        }) ||
        !is_valid_utf8(trace_state) || (trace_id.size != 0 && trace_id.size != 16) ||
        (span_id.size != 0 && span_id.size != 8)) {
      return nullptr;
    }
    JsonText& out = span_.links();
    out.put(',');
    OtlpObject object(out);
    object.put_hex(R"("traceId":)", trace_id);
    object.put_hex(R"("spanId":)", span_id);
    object.put_text(R"("traceState":)", trace_state);
    if (!write_attributes(message, tag_of(4, kBytes), object, out, nullptr)) return nullptr;
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
  const uint8_t* body_ = nullptr;
  Malformed fault_;
};

}  // namespace mplp::MPLP_KERNEL
