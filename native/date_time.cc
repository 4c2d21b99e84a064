#include "date_time.h"

#include <cstring>

namespace mplp {
namespace {

bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
bool two_digits(const uint8_t* text) { return is_digit(text[0]) && is_digit(text[1]); }
int number2(const uint8_t* text) { return (text[0] - '0') * 10 + (text[1] - '0'); }

/// Length of the separator (t, T or `\s` of ECMAScript) at `text`, 0 when there is none.
size_t separator_length(const uint8_t* text, size_t size) {
  const uint8_t c = text[0];
  if (c == 't' || c == 'T' || c == ' ' || (c >= 0x09 && c <= 0x0d)) return 1;
  if (size >= 2 && c == 0xc2 && text[1] == 0xa0) return 2;  // U+00A0
  if (size < 3) return 0;
  const uint32_t code = (c & 0x0fu) << 12 | (text[1] & 0x3fu) << 6 | (text[2] & 0x3fu);
  if ((c & 0xf0) != 0xe0) return 0;
  const bool space = code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
                     code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000 || code == 0xfeff;
  return space ? 3 : 0;
}

/// The format reads the seconds as a double. From 1 - 2^-48 on, a fraction of 59 or 60 seconds rounds up.
bool fraction_rounds_up(const uint8_t* digits, size_t count) {
  static constexpr char kLimit[] = "999999999999996447286321199499070644378662109375";
  constexpr size_t kLimitDigits = sizeof(kLimit) - 1;
  const size_t shared = count < kLimitDigits ? count : kLimitDigits;
  const int order = std::memcmp(digits, kLimit, shared);
  return order > 0 || (order == 0 && count >= kLimitDigits);
}

}  // namespace

bool read_date_time(const uint8_t* text, size_t size, DateTime& time) {
  // YYYY-MM-DD
  if (size < 10 || !two_digits(text) || !two_digits(text + 2) || text[4] != '-' || !two_digits(text + 5) ||
      text[7] != '-' || !two_digits(text + 8)) {
    return false;
  }
  const int year = number2(text) * 100 + number2(text + 2);
  const int month = number2(text + 5);
  const int day = number2(text + 8);
  if (month < 1 || month > 12 || day < 1 ||
      day > static_cast<int>(days_in_month(static_cast<unsigned>(year), static_cast<unsigned>(month)))) {
    return false;
  }
  size_t at = 10;
  if (at >= size) return false;
  const size_t separator = separator_length(text + at, size - at);
  if (separator == 0) return false;
  const bool plain_separator = text[at] == 'T';
  at += separator;

  // hh:mm:ss[.f]
  if (size - at < 8 || !two_digits(text + at) || text[at + 2] != ':' || !two_digits(text + at + 3) ||
      text[at + 5] != ':' || !two_digits(text + at + 6)) {
    return false;
  }
  const int hour = number2(text + at);
  const int minute = number2(text + at + 3);
  const int second = number2(text + at + 6);
  at += 8;
  const uint8_t* fraction = text + at;
  size_t fraction_digits = 0;
  if (at < size && text[at] == '.') {
    fraction = text + ++at;
    while (at < size && is_digit(text[at])) ++at, ++fraction_digits;
    if (fraction_digits == 0) return false;
  }

  // z or an offset
  if (at >= size) return false;
  int sign = 1, zone_hour = 0, zone_minute = 0;
  bool plain_zone = false;
  if (text[at] == 'Z' || text[at] == 'z') {
    plain_zone = text[at] == 'Z';
    ++at;
  } else if (text[at] == '+' || text[at] == '-') {
    if (text[at] == '-') sign = -1;
    ++at;
    if (size - at < 2 || !two_digits(text + at)) return false;
    zone_hour = number2(text + at);
    at += 2;
    if (at < size) {
      if (text[at] == ':') ++at;
      if (size - at < 2 || !two_digits(text + at)) return false;
      zone_minute = number2(text + at);
      at += 2;
    }
  } else {
    return false;
  }
  if (at != size || zone_hour > 23 || zone_minute > 59) return false;

  const int rounded_second =
      second + (fraction_digits >= 15 && fraction_rounds_up(fraction, fraction_digits));
  const bool ordinary = hour <= 23 && minute <= 59 && rounded_second < 60;
  if (!ordinary) {
    const int utc_minute = minute - zone_minute * sign;
    const int utc_hour = hour - zone_hour * sign - (utc_minute < 0 ? 1 : 0);
    if (!((utc_hour == 23 || utc_hour == -1) && (utc_minute == 59 || utc_minute == -1) &&
          rounded_second < 61)) {
      return false;
    }
  }

  time.seconds = days_since_epoch(year, static_cast<unsigned>(month), static_cast<unsigned>(day)) * 86400 +
                 hour * 3600 + minute * 60 + second - sign * (zone_hour * 3600 + zone_minute * 60);
  time.nanoseconds = 0;
  for (size_t i = 0; i < 9; ++i) {
    time.nanoseconds =
        time.nanoseconds * 10 + (i < fraction_digits ? static_cast<uint32_t>(fraction[i] - '0') : 0);
  }
  const bool plain = ordinary && second < 60 && plain_separator && plain_zone && fraction_digits <= 9;
  time.digits = plain ? static_cast<uint32_t>(fraction_digits) : kOtherSpelling;
  return true;
}

}  // namespace mplp
