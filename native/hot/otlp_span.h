#pragma once

namespace mplp::MPLP_KERNEL {

/// Levels of values within values; a value of an attribute is the first.
inline constexpr unsigned kMaxValueDepth = 64;
/// Attribute keys and values beyond this are kept with the payload and not among the tags.
inline constexpr size_t kMaxTagBytes = 256;
/// A span with more attributes has its shape in the payload, not in a column of few values.
inline constexpr size_t kMaxShapeAttributes = 128;
/// A resource, a scope or a schema URL may take this much of the body.
inline constexpr size_t kMaxContextBytes = 64 * 1024;

namespace words {

/// A text of our own with readable bytes behind it.
template <size_t N>
struct Word {
  uint8_t bytes[N + kPadding] = {};
  constexpr explicit Word(const char (&text)[N]) {
    for (size_t i = 0; i + 1 < N; ++i) bytes[i] = static_cast<uint8_t>(text[i]);
  }
  constexpr Text text() const { return {bytes, N - 1}; }
};
inline constexpr Word kTrue{"true"};
inline constexpr Word kFalse{"false"};
inline constexpr Word kServiceName{"service.name"};
inline constexpr Word kUnknownService{"unknown_service"};
inline constexpr Word kLongShape{"*"};
inline constexpr Word kUnspecified{"unspecified"};
inline constexpr Word kInternal{"internal"};
inline constexpr Word kServer{"server"};
inline constexpr Word kClient{"client"};
inline constexpr Word kProducer{"producer"};
inline constexpr Word kConsumer{"consumer"};

}  // namespace words

/// An AnyValue. `text` is the content of a string, the bytes, or what stands for a list in the body.
struct OtlpValue {
  enum Kind : uint8_t { absent, empty, string, boolean, integer, real, bytes, array, list };
  Kind kind = absent;
  Text text;
  int64_t integer_value = 0;
  double real_value = 0;
  /// Of a list that was written when it was read: where its text begins in two buffers, and its first text.
  size_t written_begin = 0;
  size_t plain_begin = 0;
  size_t written_end = 0;
  size_t plain_end = 0;
};

/// What a resource gives to its spans.
struct OtlpResource {
  bool is_faulty = false;
  bool has_agent = false;      // `mplp.agent_id`
  unsigned context_rank = 3;   // of the name that gave the context; 3 when there is none
  Uuid agent;
  Uuid context;
  CachedText service_name;
  CachedText json;
};

struct OtlpScope {
  bool is_faulty = false;
  CachedText json;
};

/// Collects the attributes of a resource that the mapping asks for; the first of a name counts.
class OtlpResourceNames {
 public:
  void clear() { seen_ = 0; }

  void add(Text key, const OtlpValue& value) {
    const AttributeName name = attribute_name(key);
    const auto place = static_cast<unsigned>(name);
    if (name == AttributeName::other || (seen_ >> place & 1)) return;
    seen_ |= 1u << place;
    texts_[place] = value.kind == OtlpValue::string ? value.text : Text{};
  }

  void finish(OtlpResource& resource, NameIds& ids) const {
    const Text service = find(AttributeName::service_name);
    Text agent = find(AttributeName::agent_id);
    resource.has_agent = agent.size > 0;
    for (const AttributeName name : {AttributeName::gen_ai_agent_id, AttributeName::service_instance_id}) {
      if (agent.size == 0) agent = find(name);
    }
    if (agent.size == 0) agent = service.size > 0 ? service : words::kUnknownService.text();
    resource.agent = ids.id_of(agent);
    resource.context_rank = 0;
    for (const AttributeName name :
         {AttributeName::context_id, AttributeName::session_id, AttributeName::conversation_id}) {
      const Text context = find(name);
      if (context.size > 0) {
        resource.context = ids.id_of(context);
        break;
      }
      ++resource.context_rank;
    }
    resource.service_name = {service, 0, 0};
  }

 private:
  Text find(AttributeName name) const {
    const auto place = static_cast<unsigned>(name);
    return seen_ >> place & 1 ? texts_[place] : Text{};
  }

  uint32_t seen_ = 0;
  Text texts_[kAttributeNames];
};

/// What a reader finds in a span besides attributes, events and links.
struct OtlpParts {
  Uuid trace_id;
  uint64_t span_id = 0;
  uint64_t parent_span_id = 0;
  uint64_t start = 0;
  uint64_t end = 0;
  Text trace_state;
  Text name;
  Text status_message;
  Text exception_message;
  int32_t kind = 0;
  int32_t status_code = 0;
  uint32_t flags = 0;
  uint32_t dropped_attributes = 0;
  uint32_t dropped_events = 0;
  uint32_t dropped_links = 0;
};

/// Makes an ordinary span of an OpenTelemetry one, whichever form it came in: the mapping of
/// docs/reference/otlp.md. Nothing is stored twice: `tags` hold the attributes, `shape` their types and the
/// small numbers, `metadata` only what neither can hold. src/traces/query/otlp-rebuild.ts puts them together
/// again; the shape is
///   <kind>.<status code>[m].<flags>.<dropped attributes>.<dropped events>.<dropped links>.<types>[+]
/// with `m` when the error's message is that of the status, one letter an attribute (s string, i integer, b
/// boolean, d double, x bytes, e no value, k no value member; A a list, in the tags as plain JSON and whole
/// in the payload; L in the payload only), and `+` when the last tag is the service's name.
class OtlpSpan {
 public:
  explicit OtlpSpan(uint64_t seed) : keys_(seed), ids_(seed) { fields_.otel = &otel_; }

  void begin_body() { keys_.begin_body(); }
  NameIds& ids() { return ids_; }
  SpanFields& fields() { return fields_; }
  JsonText& events() { return events_; }
  JsonText& links() { return links_; }

  void release() {
    fields_.release();
    for (JsonText* text : {&attributes_, &events_, &links_, &texts_, &metadata_}) text->release();
    for (Array<uint8_t>* text : {&types_, &shape_}) text->reset(kKeepBytes);
    pending_.reset(kKeepBytes);
  }

  void clear() {
    fields_.clear();
    for (JsonText* text : {&attributes_, &events_, &links_, &texts_}) text->clear();
    types_.truncate(0);
    pending_.truncate(0);
    seen_ = texts_seen_ = numbers_seen_ = 0;
  }

  /// Takes an attribute of the span. False when it is not valid.
  template <typename Reader>
  MPLP_INLINE bool add_attribute(Reader& reader, Text key, const OtlpValue& value) {
    AttributeKeys::Key* const known = keys_.find(key, types_.size());
    if (MPLP_UNLIKELY(known == nullptr) && !is_valid_utf8(key)) return false;
    const AttributeName name = known != nullptr ? known->name : attribute_name(key);
    if (name != AttributeName::other && !note(reader, name, value)) return false;
    char type;
    Text text;
    switch (value.kind) {
      case OtlpValue::string:
        if (!is_valid_utf8(value.text)) return false;
        text = value.text;
        type = 's';
        break;
      case OtlpValue::boolean:
        text = value.integer_value != 0 ? words::kTrue.text() : words::kFalse.text();
        type = 'b';
        break;
      default:
        return add_made_attribute(reader, known, key, value);
    }
    if (MPLP_UNLIKELY(text.size > kMaxTagBytes || key.size > kMaxTagBytes)) {
      types_.push('L');
      return add_to_payload(reader, key, value);
    }
    fields_.tags.push({key, text, known != nullptr ? &known->tag : nullptr});
    types_.push(static_cast<uint8_t>(type));
    return true;
  }

  /// Makes `fields` of what was read; false when the span is not valid.
  MPLP_INLINE bool finish(const OtlpParts& parts, OtlpResource& resource, OtlpScope& scope) {
    if (resource.is_faulty || scope.is_faulty || parts.trace_id == Uuid{} || parts.span_id == 0) return false;
    if (!is_valid_utf8(parts.name) || !is_valid_utf8(parts.trace_state) || !is_valid_utf8(parts.status_message))
      return false;
    SpanFields& f = fields_;
    f.present = kRequiredFields | kMetadata;
    if (!set_time(parts.start, f.start)) return false;
    if (parts.end != 0) {
      if (!set_time(parts.end, f.end)) return false;
      f.present |= kEnd;
    }
    f.trace_id = parts.trace_id;
    f.span_id = {0, parts.span_id};
    if (parts.parent_span_id != 0) {
      f.parent_span_id = {0, parts.parent_span_id};
      f.present |= kParent;
    }
    set_agent(resource);
    set_context(resource);
    f.action_name = parts.name.size > 0 ? parts.name : kind_name(parts.kind);
    f.action_type = action_type(parts.kind);
    const bool is_error_message = set_result(parts);
    set_columns(resource, scope);
    const bool adds_service = resource.service_name.text.size > 0 && !has_seen(AttributeName::service_name);
    if (adds_service) f.tags.push({words::kServiceName.text(), resource.service_name.text, &service_name_key_});
    set_shape(parts, is_error_message, adds_service);
    set_metadata(parts, is_error_message);
    for (const Pending& pending : pending_) {
      f.tags[pending.tag].value = {texts_.text().data + pending.offset, pending.size};
    }
    return true;
  }

 private:
  struct Pending {
    size_t tag;
    size_t offset;
    size_t size;
  };

  bool has_seen(AttributeName name) const { return seen_ >> static_cast<unsigned>(name) & 1; }

  /// The text of the first of two attributes that is there; empty when neither is.
  Text found(AttributeName name) const {
    return texts_seen_ >> static_cast<unsigned>(name) & 1 ? found_texts_[static_cast<unsigned>(name)] : Text{};
  }
  Text found(AttributeName first, AttributeName second) const {
    const Text text = found(first);
    return text.size > 0 ? text : found(second);
  }
  bool find_number(AttributeName name, uint64_t& number) const {
    if (!(numbers_seen_ >> static_cast<unsigned>(name) & 1)) return false;
    number = found_numbers_[static_cast<unsigned>(name)];
    return true;
  }
  bool find_number(AttributeName first, AttributeName second, uint64_t& number) const {
    return find_number(first, number) || find_number(second, number);
  }

  /// Remembers an attribute that the mapping asks for; the first of a name counts.
  template <typename Reader>
  MPLP_NOINLINE bool note(Reader& reader, AttributeName name, const OtlpValue& value) {
    const auto place = static_cast<unsigned>(name);
    if (has_seen(name)) return true;
    seen_ |= 1u << place;
    Text text = value.text;
    if (value.kind == OtlpValue::array && name == AttributeName::finish_reasons) {
      if (!reader.first_text(value, text)) return true;
    } else if (value.kind == OtlpValue::integer || value.kind == OtlpValue::real) {
      constexpr double kWholeDoubles = 9007199254740992.0;
      const double real = value.real_value;
      if (value.kind == OtlpValue::integer) {
        if (value.integer_value < 0) return true;
        found_numbers_[place] = static_cast<uint64_t>(value.integer_value);
      } else {
        if (!(real >= 0 && real <= kWholeDoubles) || real != std::floor(real)) return true;
        found_numbers_[place] = static_cast<uint64_t>(real);
      }
      numbers_seen_ |= 1u << place;
      return true;
    } else if (value.kind != OtlpValue::string) {
      return true;
    }
    if (!is_valid_utf8(text)) return false;
    found_texts_[place] = text;
    texts_seen_ |= 1u << place;
    return true;
  }

  /// Attributes whose text must be made.
  template <typename Reader>
  bool add_made_attribute(Reader& reader, AttributeKeys::Key* known, Text key, const OtlpValue& value) {
    const size_t begin = texts_.size();
    char type = 'A';
    switch (value.kind) {
      case OtlpValue::integer:
        texts_.put_number(value.integer_value);
        type = 'i';
        break;
      case OtlpValue::real:
        texts_.put_double(value.real_value, false);
        type = 'd';
        break;
      case OtlpValue::bytes:
        if (value.text.size <= kMaxTagBytes) texts_.put_base64(value.text);
        type = value.text.size <= kMaxTagBytes ? 'x' : 'L';
        break;
      case OtlpValue::array:
      case OtlpValue::list:
        if (!add_to_payload(reader, key, value)) return false;
        reader.write_plain(value, texts_);
        break;
      default:
        type = value.kind == OtlpValue::empty ? 'e' : 'k';
        break;
    }
    const size_t size = texts_.size() - begin;
    if (MPLP_UNLIKELY(type == 'L' || size > kMaxTagBytes || key.size > kMaxTagBytes)) {
      types_.push('L');
      return type == 'A' || add_to_payload(reader, key, value);
    }
    pending_.push({fields_.tags.size(), begin, size});
    fields_.tags.push({key, {}, known != nullptr ? &known->tag : nullptr});
    types_.push(static_cast<uint8_t>(type));
    return true;
  }

  template <typename Reader>
  MPLP_NOINLINE bool add_to_payload(Reader& reader, Text key, const OtlpValue& value) {
    attributes_.put(',');
    return reader.write_key_value(key, value, attributes_);
  }

  static MPLP_INLINE bool set_time(uint64_t unix_nano, DateTime& time) {
    if (unix_nano > static_cast<uint64_t>(INT64_MAX)) return false;
    time.seconds = static_cast<int64_t>(unix_nano / 1000000000);
    time.nanoseconds = static_cast<uint32_t>(unix_nano % 1000000000);
    time.digits = 9;
    return true;
  }

  MPLP_INLINE void set_agent(const OtlpResource& resource) {
    Text name = found(AttributeName::agent_id);
    if (name.size == 0 && !resource.has_agent) name = found(AttributeName::gen_ai_agent_id);
    fields_.agent_id = name.size > 0 ? ids_.id_of(name) : resource.agent;
  }

  MPLP_INLINE void set_context(const OtlpResource& resource) {
    static constexpr AttributeName kNames[] = {AttributeName::context_id, AttributeName::session_id,
                                               AttributeName::conversation_id};
    for (unsigned rank = 0; rank < 3 && rank <= resource.context_rank; ++rank) {
      const Text name = found(kNames[rank]);
      if (name.size == 0) continue;
      fields_.context_id = ids_.id_of(name);
      return;
    }
    fields_.context_id = resource.context_rank < 3 ? resource.context : fields_.trace_id;
  }

  static Text kind_name(int32_t kind) {
    switch (kind) {
      case 1:
        return words::kInternal.text();
      case 2:
        return words::kServer.text();
      case 3:
        return words::kClient.text();
      case 4:
        return words::kProducer.text();
      case 5:
        return words::kConsumer.text();
      default:
        return words::kUnspecified.text();
    }
  }

  MPLP_INLINE uint8_t action_type(int32_t kind) const {
    constexpr uint8_t kExecute = 1, kInvoke = 2, kValidate = 3;
    const Text operation = found(AttributeName::operation_name);
    if (MPLP_UNLIKELY(operation.size > 0)) {
      static constexpr std::pair<std::string_view, uint8_t> kTypes[] = {
          {"chat", kInvoke},           {"text_completion", kInvoke}, {"generate_content", kInvoke},
          {"embeddings", kInvoke},     {"retrieval", kInvoke},       {"create_agent", kInvoke},
          {"invoke_agent", kInvoke},   {"execute_tool", kExecute},   {"invoke_workflow", kExecute},
          {"evaluate", kValidate},
      };
      const std::string_view text(reinterpret_cast<const char*>(operation.data), operation.size);
      for (const auto& [name, type] : kTypes) {
        if (name == text) return type;
      }
    }
    return kind == 3 || kind == 4 ? kInvoke : kExecute;
  }

  /// True when the error's message is that of the status.
  MPLP_INLINE bool set_result(const OtlpParts& parts) {
    SpanFields& f = fields_;
    bool is_error_message = false;
    if (parts.status_code == 1 || parts.status_code == 2) {
      f.present |= kResult | kStatus;
      f.status = static_cast<uint8_t>(parts.status_code);
      if (parts.status_code == 2) {
        is_error_message = parts.status_message.size > 0;
        const Text message = is_error_message ? parts.status_message : parts.exception_message;
        if (message.size > 0) {
          error_.clear();
          error_.put(R"({"message":)");
          error_.put_string(message);
          error_.put('}');
          f.error = error_.text();
          f.present |= kError;
        }
      }
    }
    if (MPLP_UNLIKELY(numbers_seen_ != 0)) set_metrics();
    return is_error_message;
  }

  MPLP_NOINLINE void set_metrics() {
    otel_.input_tokens = otel_.output_tokens = otel_.cached_tokens = 0;
    metrics_.clear();
    const auto put = [&](std::string_view name, bool is_there, uint64_t value) {
      if (!is_there) return;
      metrics_.put(metrics_.empty() ? '{' : ',');
      metrics_.put(name);
      metrics_.put_number(value);
    };
    bool is_there = find_number(AttributeName::input_tokens, AttributeName::prompt_tokens, otel_.input_tokens);
    put(R"("input_tokens":)", is_there, otel_.input_tokens);
    is_there = find_number(AttributeName::output_tokens, AttributeName::completion_tokens, otel_.output_tokens);
    put(R"("output_tokens":)", is_there, otel_.output_tokens);
    is_there = find_number(AttributeName::cached_tokens, otel_.cached_tokens);
    put(R"("cached_tokens":)", is_there, otel_.cached_tokens);
    if (metrics_.empty()) return;
    metrics_.put('}');
    // What an agent or tool tells is the sum of the model calls below it: counting it again would double them.
    if (is_rolled_up(found(AttributeName::operation_name)))
      otel_.input_tokens = otel_.output_tokens = otel_.cached_tokens = 0;
    fields_.metrics = metrics_.text();
    fields_.present |= kResult | kMetrics;
  }

  static bool is_rolled_up(Text operation) {
    const std::string_view text(reinterpret_cast<const char*>(operation.data), operation.size);
    return text == "invoke_agent" || text == "create_agent" || text == "invoke_workflow" ||
           text == "execute_tool";
  }

  MPLP_INLINE void set_columns(OtlpResource& resource, OtlpScope& scope) {
    otel_.service_name = &resource.service_name;
    otel_.resource = &resource.json;
    otel_.scope = &scope.json;
    if (numbers_seen_ == 0) otel_.input_tokens = otel_.output_tokens = otel_.cached_tokens = 0;
    if (MPLP_LIKELY(texts_seen_ == 0)) {
      otel_.gen_ai_model = otel_.gen_ai_provider = otel_.finish_reason = otel_.tool_name = {};
      return;
    }
    otel_.gen_ai_model = found(AttributeName::response_model, AttributeName::request_model);
    otel_.gen_ai_provider = found(AttributeName::provider_name, AttributeName::system);
    otel_.finish_reason = found(AttributeName::finish_reasons);
    otel_.tool_name = found(AttributeName::tool_name);
  }

  MPLP_INLINE void set_shape(const OtlpParts& parts, bool is_error_message, bool adds_service) {
    shape_.truncate(0);
    uint8_t* out = shape_.reserve(6 * 12 + 4 + types_.size());
    const auto put = [&out](auto number) MPLP_LAMBDA_INLINE {
      if (MPLP_LIKELY(number >= 0 && number <= 9)) {
        *out++ = static_cast<uint8_t>('0' + number);
      } else {
        out = write_number(out, number);
      }
    };
    put(parts.kind);
    *out++ = '.';
    put(parts.status_code);
    if (is_error_message) *out++ = 'm';
    *out++ = '.';
    put(parts.flags);
    *out++ = '.';
    put(parts.dropped_attributes);
    *out++ = '.';
    put(parts.dropped_events);
    *out++ = '.';
    put(parts.dropped_links);
    *out++ = '.';
    if (!types_.empty()) std::memcpy(out, types_.data(), types_.size());
    out += types_.size();
    if (adds_service) *out++ = '+';
    shape_.set_size(static_cast<size_t>(out - shape_.data()));
    otel_.shape = types_.size() > kMaxShapeAttributes ? words::kLongShape.text() : Text{shape_.data(), shape_.size()};
  }

  /// The payload: `attributes`, `events`, `links` (lists in OTLP/JSON), `traceState`, `message` of the status
  /// and `shape`, each only when needed.
  MPLP_INLINE void set_metadata(const OtlpParts& parts, bool is_error_message) {
    const bool has_long_shape = types_.size() > kMaxShapeAttributes;
    const bool has_message = parts.status_message.size > 0 && !is_error_message;
    if (MPLP_LIKELY(attributes_.empty() && events_.empty() && links_.empty() && parts.trace_state.size == 0 &&
                    !has_message && !has_long_shape)) {
      return;
    }
    metadata_.clear();
    const auto put_list = [&](std::string_view name, const JsonText& list) {
      if (list.empty()) return;
      metadata_.put(metadata_.empty() ? '{' : ',');
      metadata_.put(name);
      const Text text = list.text();
      metadata_.put('[');
      metadata_.put_raw({text.data + 1, text.size - 1});
      metadata_.put(']');
    };
    const auto put_text = [&](std::string_view name, Text text) {
      metadata_.put(metadata_.empty() ? '{' : ',');
      metadata_.put(name);
      metadata_.put_string(text);
    };
    put_list(R"("attributes":)", attributes_);
    if (parts.trace_state.size > 0) put_text(R"("traceState":)", parts.trace_state);
    put_list(R"("events":)", events_);
    put_list(R"("links":)", links_);
    if (has_message) put_text(R"("message":)", parts.status_message);
    if (has_long_shape) put_text(R"("shape":)", {shape_.data(), shape_.size()});
    metadata_.put('}');
    fields_.metadata = metadata_.text();
  }

  SpanFields fields_;
  OtelFields otel_;
  AttributeKeys keys_;
  NameIds ids_;
  CachedText service_name_key_{words::kServiceName.text()};
  JsonText attributes_;  // a comma before each
  JsonText events_;
  JsonText links_;
  JsonText texts_;  // of tags, made from numbers and lists
  JsonText metadata_;
  JsonText error_;
  JsonText metrics_;
  Array<uint8_t> types_;
  Array<uint8_t> shape_;
  Array<Pending> pending_;
  uint32_t seen_ = 0;
  uint32_t texts_seen_ = 0;
  uint32_t numbers_seen_ = 0;
  Text found_texts_[kAttributeNames];
  uint64_t found_numbers_[kAttributeNames];
};

}  // namespace mplp::MPLP_KERNEL
