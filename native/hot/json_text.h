#pragma once

namespace mplp::MPLP_KERNEL {

/// How JSON writes the bytes that a string cannot hold as they are.
struct Escape {
  char text[8] = {};
  size_t size = 0;
};
struct Escapes {
  Escape of[128];
  constexpr Escapes() : of() {
    for (int c = 0; c < 0x20; ++c) {
      of[c] = {{'\\', 'u', '0', '0', static_cast<char>('0' + (c >> 4)), "0123456789abcdef"[c & 15], 0, 0}, 6};
    }
    constexpr char kShort[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                                  {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};
    for (const auto& [c, letter] : kShort) of[static_cast<int>(c)] = {{'\\', letter, 0, 0, 0, 0, 0, 0}, 2};
  }
};
inline constexpr Escapes kEscapes;

/// Characters that a number or literal takes at most.
inline constexpr size_t kMaxScalar = 40;

MPLP_INLINE bool is_valid_utf8(Text text) {
  return MPLP_LIKELY(is_ascii(text.data, text.size)) || is_utf8(text.data, text.size);
}

/// Writes the content of a JSON string, of valid UTF-8. Needs room for six times its size; reads and writes
/// up to 63 bytes more.
MPLP_NOINLINE inline uint8_t* write_escaped(uint8_t* out, Text text) {
  for (size_t base = 0; base < text.size; base += 64) {
    const uint8_t* from = text.data + base;
    const size_t size = std::min<size_t>(64, text.size - base);
    const Chunk chunk(from);
    uint64_t special = chunk.control() | chunk.equal('"') | chunk.equal('\\');
    if (size < 64) special &= (uint64_t{1} << size) - 1;
    size_t done = 0;
    for (; special != 0; special &= special - 1) {
      const auto at = static_cast<size_t>(std::countr_zero(special));
      std::memcpy(out, from + done, 64);
      out += at - done;
      const Escape& escape = kEscapes.of[from[at]];
      std::memcpy(out, escape.text, 8);
      out += escape.size;
      done = at + 1;
    }
    std::memcpy(out, from + done, 64);
    out += size - done;
  }
  return out;
}

template <typename Number>
MPLP_INLINE uint8_t* write_number(uint8_t* out, Number value) {
  auto* begin = reinterpret_cast<char*>(out);
  return reinterpret_cast<uint8_t*>(std::to_chars(begin, begin + kMaxScalar, value).ptr);
}

/// Writes digits / 10^places.
inline uint8_t* write_decimal(uint8_t* out, uint64_t digits, unsigned places) {
  uint8_t text[24];
  uint8_t* p = text + sizeof text;
  for (unsigned i = 0; digits > 0 || i <= places; ++i) {
    if (i == places && places > 0) *--p = '.';
    *--p = static_cast<uint8_t>('0' + digits % 10);
    digits /= 10;
  }
  const auto size = static_cast<size_t>(text + sizeof text - p);
  std::memcpy(out, p, size);
  return out + size;
}

/// Lays out digits as ECMAScript does: `exponent` is that of the first digit.
inline uint8_t* lay_out(uint8_t* out, const char* digits, int count, int exponent) {
  const auto put = [&](const char* from, int size) {
    std::memcpy(out, from, static_cast<size_t>(size));
    out += size;
  };
  if (exponent >= 21 || exponent < -6) {
    put(digits, 1);
    if (count > 1) {
      *out++ = '.';
      put(digits + 1, count - 1);
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    return write_number(out, exponent < 0 ? -exponent : exponent);
  }
  const int whole = std::max(0, std::min(count, exponent + 1));
  if (whole == 0) *out++ = '0';
  put(digits, whole);
  for (int i = count; i <= exponent; ++i) *out++ = '0';
  if (whole == count) return out;
  *out++ = '.';
  for (int i = -1; i > exponent; --i) *out++ = '0';
  put(digits + whole, count - whole);
  return out;
}

/// The shortest digits that read back as the same finite double, laid out as ECMAScript does; a negative zero
/// is `-0.0`.
inline uint8_t* write_double(uint8_t* out, double value) {
  if (std::signbit(value)) {
    *out++ = '-';
    value = -value;
    if (value == 0) {  // some readers take -0 for the integer 0
      *out++ = '0';
      *out++ = '.';
    }
  }
  // A decimal of at most 15 digits that reads as this double is the only one, hence the shortest; it reads
  // so when the quotient of its two integers, which division rounds correctly, is the double.
  static constexpr double kPowers[] = {1, 10, 100, 1000, 10000};
  if (value < 1e10) {
    for (unsigned places = 0; places < 5; ++places) {
      const auto scaled = static_cast<uint64_t>(value * kPowers[places] + 0.5);
      if (static_cast<double>(scaled) / kPowers[places] != value) continue;
      return write_decimal(out, scaled, places);
    }
  }
  char text[kMaxScalar];
  const char* end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  char digits[20];
  int count = 0;
  const char* p = text;
  for (; *p != 'e'; ++p) {
    if (*p != '.') digits[count++] = *p;
  }
  int exponent = 0;
  for (const char* e = p + 2; e < end; ++e) exponent = exponent * 10 + (*e - '0');
  return lay_out(out, digits, count, p[1] == '-' ? -exponent : exponent);
}

/// JSON text that grows. What it returned before may have moved after each `put`.
class JsonText {
 public:
  void clear() { bytes_.truncate(0); }
  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }
  Text text() const { return {bytes_.data(), bytes_.size()}; }
  Text since(size_t begin) const { return {bytes_.data() + begin, bytes_.size() - begin}; }
  void release() { bytes_.reset(kKeepBytes); }
  void replace_last(char c) { bytes_[bytes_.size() - 1] = static_cast<uint8_t>(c); }

  MPLP_INLINE void put(char c) { bytes_.push(static_cast<uint8_t>(c)); }
  MPLP_INLINE void put(std::string_view text) {
    std::memcpy(bytes_.reserve(text.size()), text.data(), text.size());
    bytes_.set_size(bytes_.size() + text.size());
  }
  MPLP_INLINE void put_raw(Text text) {
    if (text.size == 0) return;
    std::memcpy(bytes_.reserve(text.size), text.data, text.size);
    bytes_.set_size(bytes_.size() + text.size);
  }
  /// `text` is valid UTF-8, with 64 readable bytes behind it.
  MPLP_INLINE void put_string(Text text) {
    if (text.size == 0) {
      put("\"\"");
      return;
    }
    uint8_t* out = bytes_.reserve(text.size + 2);
    *out++ = '"';
    const size_t plain = copy_plain(out, text.data, text.size);
    bytes_.set_size(bytes_.size() + 1 + plain);
    if (MPLP_UNLIKELY(plain != text.size)) put_escaped({text.data + plain, text.size - plain});
    put('"');
  }
  template <typename Number>
  MPLP_INLINE void put_number(Number value) {
    end_at(write_number(bytes_.reserve(kMaxScalar), value));
  }
  /// As a JSON number, or as one of the words that JSON of Protocol Buffers has for the others.
  void put_double(double value, bool quoted) {
    if (std::isfinite(value)) {
      end_at(write_double(bytes_.reserve(kMaxScalar), value));
      return;
    }
    if (quoted) put('"');
    put(std::isnan(value) ? std::string_view("NaN") : value > 0 ? "Infinity" : "-Infinity");
    if (quoted) put('"');
  }
  void put_hex(Text bytes) {
    uint8_t* out = bytes_.reserve(bytes.size * 2);
    for (size_t i = 0; i < bytes.size; ++i) {
      *out++ = static_cast<uint8_t>("0123456789abcdef"[bytes.data[i] >> 4]);
      *out++ = static_cast<uint8_t>("0123456789abcdef"[bytes.data[i] & 15]);
    }
    end_at(out);
  }
  void put_base64(Text bytes) {
    static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t* out = bytes_.reserve((bytes.size + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size; i += 3) {
      const size_t left = bytes.size - i;
      const uint32_t group = static_cast<uint32_t>(bytes.data[i]) << 16 |
                             (left > 1 ? static_cast<uint32_t>(bytes.data[i + 1]) << 8 : 0) |
                             (left > 2 ? bytes.data[i + 2] : 0);
      *out++ = static_cast<uint8_t>(kDigits[group >> 18]);
      *out++ = static_cast<uint8_t>(kDigits[group >> 12 & 63]);
      *out++ = static_cast<uint8_t>(left > 1 ? kDigits[group >> 6 & 63] : '=');
      *out++ = static_cast<uint8_t>(left > 2 ? kDigits[group & 63] : '=');
    }
    end_at(out);
  }

 private:
  void end_at(const uint8_t* end) { bytes_.set_size(static_cast<size_t>(end - bytes_.data())); }
  MPLP_NOINLINE void put_escaped(Text text) { end_at(write_escaped(bytes_.reserve(text.size * 6), text)); }

  Array<uint8_t> bytes_;
};

}  // namespace mplp::MPLP_KERNEL
