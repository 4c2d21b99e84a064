#pragma once

namespace mplp::MPLP_KERNEL {

/// Bits of the column `fields`. Bits 12 to 15 and 16 to 19 hold the spelling of start and end.
enum Field : uint32_t {
  kId = 1u << 0,
  kParent = 1u << 1,
  kEnd = 1u << 2,
  kResult = 1u << 3,
  kStatus = 1u << 4,
  kError = 1u << 5,
  kMetrics = 1u << 6,
  kParameters = 1u << 7,
  kOutput = 1u << 8,
  kDuration = 1u << 9,
  kMetadata = 1u << 10,
  // Not stored: what every span must have.
  kTraceId = 1u << 20,
  kSpanId = 1u << 21,
  kContextId = 1u << 22,
  kAgentId = 1u << 23,
  kAction = 1u << 24,
  kActionName = 1u << 25,
  kActionType = 1u << 26,
  kTimestamp = 1u << 27,
  kStart = 1u << 28,
};
inline constexpr unsigned kStartSpellingShift = 12;
inline constexpr unsigned kEndSpellingShift = 16;
inline constexpr uint32_t kStoredFields = 0x000fffff;
inline constexpr uint32_t kRequiredFields =
    kTraceId | kSpanId | kContextId | kAgentId | kAction | kActionName | kActionType | kTimestamp | kStart;

/// Objects of a span whose unknown members go to the column `extra`.
enum class Group : uint8_t { span, action, timestamp, result };

/// What an OpenTelemetry span has besides: the columns of its own. `shape` says how its tags and `metadata`
/// become OTLP again; see `otlp_span.h`.
struct OtelFields {
  CachedText* service_name = nullptr;
  CachedText* resource = nullptr;
  CachedText* scope = nullptr;
  Text gen_ai_model;
  Text gen_ai_provider;
  Text finish_reason;
  Text tool_name;
  Text shape;
  uint64_t input_tokens = 0;
  uint64_t output_tokens = 0;
  uint64_t cached_tokens = 0;
};

/// One span, as each decoder reads it. Texts point into the body or into memory of the decoder.
struct SpanFields {
  struct Tag {
    Text key;
    Text value;
    CachedText* known_key = nullptr;  // the key, when the decoder has seen it before
  };
  struct Extra {
    Group group;
    Text member;  // `"key":value`
  };

  uint32_t present;
  uint8_t action_type;
  uint8_t status;
  Uuid id;
  Uuid trace_id;
  Uuid span_id;
  Uuid parent_span_id;
  Uuid context_id;
  Uuid agent_id;
  DateTime start;
  DateTime end;
  Text start_text;  // JSON string, when the spelling is not plain
  Text end_text;
  Text action_name;
  Text action_duration;
  Text error;
  Text metrics;
  Text parameters;
  Text output;
  Text metadata;
  Array<Tag> tags;
  Array<Extra> extras;
  const OtelFields* otel = nullptr;  // stays null where spans have no such part

  MPLP_INLINE void clear() {
    present = 0;
    status = 0;
    id = parent_span_id = {};
    action_duration = error = metrics = parameters = output = metadata = {};
    tags.truncate(0);
    extras.truncate(0);
  }

  /// Marks a member as seen; false when it had been seen before.
  MPLP_INLINE bool mark(Field field) {
    const bool first = (present & field) == 0;
    present |= field;
    return first;
  }

  void release() {
    tags.reset(kKeepBytes);
    extras.reset(kKeepBytes);
  }
};

/// Reads a time: the plain spellings `YYYY-MM-DDTHH:MM:SS[.f]Z` here, all others in `read_date_time`.
MPLP_INLINE bool read_time(Text text, DateTime& time) {
  constexpr uint64_t kHigh = 0xf0f0f0f0f0f0f0f0;
  const uint8_t* s = text.data;
  const size_t n = text.size;
  if (MPLP_LIKELY(n >= 20 && n <= 30 && s[n - 1] == 'Z' && s[10] == 'T')) {
    // Exclusive or with the pattern leaves a digit's value and 0 for a separator; adding 6 or 15 then carries
    // into the high half of the byte when it was something else.
    const uint64_t date = load64(s) ^ 0x2d30302d30303030;        // "0000-00-"
    const uint64_t middle = load64(s + 8) ^ 0x30303a3030543030;  // "00T00:00"
    const uint64_t late = (load64(s + 12) >> 32) ^ 0x30303aull;  // ":00", one byte of what follows
    uint64_t bad = (date | (date + 0x0f06060f06060606)) | (middle | (middle + 0x06060f06060f0606));
    const uint64_t second_bytes = late & 0xffffff;
    bad |= second_bytes | (second_bytes + 0x06060f);
    const uint64_t date_pairs = date * 10 + (date >> 8);
    const uint64_t middle_pairs = middle * 10 + (middle >> 8);
    const auto year = static_cast<unsigned>((date_pairs & 0xff) * 100 + (date_pairs >> 16 & 0xff));
    const auto month = static_cast<unsigned>(date_pairs >> 40 & 0xff);
    const auto day = static_cast<unsigned>(middle_pairs & 0xff);
    const auto hour = static_cast<unsigned>(middle_pairs >> 24 & 0xff);
    const auto minute = static_cast<unsigned>(middle_pairs >> 48 & 0xff);
    const auto second = static_cast<unsigned>((second_bytes >> 8 & 0xff) * 10 + (second_bytes >> 16));
    uint32_t nanoseconds = 0;
    uint32_t digits = 0;
    bool good = (bad & kHigh) == 0 && month - 1 < 12 && hour < 24 && minute < 60 && second < 60;
    if (n > 20) {
      static constexpr uint32_t kScale[10] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                              10000,      1000,      100,      10,      1};
      good &= s[19] == '.' && n > 21;
      digits = static_cast<uint32_t>(n - 21);
      if (digits == 3) {
        const uint32_t a = s[20] - '0', b = s[21] - '0', c = s[22] - '0';
        good &= a < 10 && b < 10 && c < 10;
        nanoseconds = (a * 100 + b * 10 + c) * 1000000;
      } else {
        for (uint32_t i = 0; i < digits; ++i) {
          const uint32_t digit = s[20 + i] - '0';
          good &= digit < 10;
          nanoseconds = nanoseconds * 10 + digit;
        }
        nanoseconds *= kScale[digits];
      }
    }
    if (MPLP_LIKELY(good && day - 1 < days_in_month(year, month))) {
      time.seconds = days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
      time.nanoseconds = nanoseconds;
      time.digits = digits;
      return true;
    }
  }
  return read_date_time(s, n, time);
}

/// Nanoseconds since the epoch; false when 64 bits cannot hold them (before 1677 or after 2262).
MPLP_INLINE bool to_unix_nano(const DateTime& time, int64_t& nanoseconds) {
  if (time.seconds < -9223372036 || time.seconds > 9223372035) return false;
  nanoseconds = time.seconds * 1000000000 + time.nanoseconds;
  return true;
}

MPLP_INLINE bool read_action_type(Text text, uint8_t& value) {
  switch (text.size) {
    case 6:
      value = 2;
      return is_word(text.data, "invoke");
    case 7:
      value = 1;
      return is_word(text.data, "execute");
    case 8:
      value = text.data[0] == 'v' ? 3 : 4;
      return is_word(text.data, "validate") || is_word(text.data, "complete");
    default:
      return false;
  }
}

MPLP_INLINE bool read_status(Text text, uint8_t& value) {
  switch (text.size) {
    case 7:
      value = text.data[0] == 's' ? 1 : text.data[0] == 'f' ? 2 : 3;
      return is_word(text.data, "success") || is_word(text.data, "failure") || is_word(text.data, "timeout");
    case 9:
      value = 4;
      return is_word(text.data, "cancelled");
    default:
      return false;
  }
}

}  // namespace mplp::MPLP_KERNEL
