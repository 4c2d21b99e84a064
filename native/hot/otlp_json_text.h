#pragma once

namespace mplp::MPLP_KERNEL {

/// Writes one JSON object whose members are left out when they have their default, as OTLP/JSON of Protocol
/// Buffers does. An object without members is written as `{}`, or not at all when `keep_empty` is false.
class OtlpObject {
 public:
  explicit OtlpObject(JsonText& out) : out_(out), begin_(out.size()) {}

  bool is_empty() const { return out_.size() == begin_; }

  /// Opens a member. `name` has its quotes and colon.
  void open(std::string_view name) {
    out_.put(is_empty() ? '{' : ',');
    out_.put(name);
  }
  void put_text(std::string_view name, Text text) {
    if (text.size == 0) return;
    open(name);
    out_.put_string(text);
  }
  template <typename Number>
  void put_number(std::string_view name, Number number) {
    if (number == 0) return;
    open(name);
    out_.put_number(number);
  }
  /// Numbers of 64 bits are strings.
  void put_long(std::string_view name, uint64_t number) {
    if (number == 0) return;
    open(name);
    out_.put('"');
    out_.put_number(number);
    out_.put('"');
  }
  void put_hex(std::string_view name, Text bytes) {
    if (bytes.size == 0) return;
    open(name);
    out_.put('"');
    out_.put_hex(bytes);
    out_.put('"');
  }
  void close(bool keep_empty) {
    if (!is_empty()) {
      out_.put('}');
    } else if (keep_empty) {
      out_.put("{}");
    }
  }

 private:
  JsonText& out_;
  size_t begin_;
};

/// Writes the value of an AnyValue that holds no others; false for lists.
inline bool write_single_value(const OtlpValue& value, JsonText& out) {
  switch (value.kind) {
    case OtlpValue::string:
      out.put(R"({"stringValue":)");
      out.put_string(value.text);
      break;
    case OtlpValue::boolean:
      out.put(value.integer_value != 0 ? R"({"boolValue":true)" : R"({"boolValue":false)");
      break;
    case OtlpValue::integer:
      out.put(R"({"intValue":")");
      out.put_number(value.integer_value);
      out.put('"');
      break;
    case OtlpValue::real:
      out.put(R"({"doubleValue":)");
      out.put_double(value.real_value, true);
      break;
    case OtlpValue::bytes:
      out.put(R"({"bytesValue":")");
      out.put_base64(value.text);
      out.put('"');
      break;
    case OtlpValue::array:
    case OtlpValue::list:
      return false;
    default:
      out.put('{');
      break;
  }
  out.put('}');
  return true;
}

/// The same as plain JSON.
inline bool write_single_plain(const OtlpValue& value, JsonText& out) {
  switch (value.kind) {
    case OtlpValue::string:
      out.put_string(value.text);
      return true;
    case OtlpValue::boolean:
      out.put(value.integer_value != 0 ? std::string_view("true") : std::string_view("false"));
      return true;
    case OtlpValue::integer:
      out.put_number(value.integer_value);
      return true;
    case OtlpValue::real:
      out.put_double(value.real_value, true);
      return true;
    case OtlpValue::bytes:
      out.put('"');
      out.put_base64(value.text);
      out.put('"');
      return true;
    case OtlpValue::array:
    case OtlpValue::list:
      return false;
    default:
      out.put("null");
      return true;
  }
}

}  // namespace mplp::MPLP_KERNEL
