#pragma once

#include <cstddef>
#include <cstdint>

namespace mplp {

/// A time as the columns keep it. `digits` is the spelling: the number of fraction digits of a plain
/// `YYYY-MM-DDTHH:MM:SS[.f]Z`, or `kOtherSpelling` when only the original text can tell how it was written.
struct DateTime {
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;
  uint32_t digits = 0;
};

inline constexpr uint32_t kOtherSpelling = 15;

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar. The year starts in March here, so
/// that the leap day is its last day and month lengths follow one linear rule.
constexpr int64_t days_since_epoch(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<uint64_t>(year - era * 400);
  const uint64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const uint64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<int64_t>(day_of_era) - 719468;
}

constexpr unsigned days_in_month(unsigned year, unsigned month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return 30 + ((month + (month >> 3)) & 1);
}

/// Reads any text that the format `date-time` of ajv-formats 3.0.1 (full mode) accepts: the separator may be
/// t, T or one white space character of ECMAScript, the zone is required (z, Z, +hh, +hhmm, +hh:mm), and a
/// leap second (or an hour or minute out of range, which that code lets through the same door) counts when
/// the UTC time is 23:59. `text` is UTF-8. False when the format refuses.
bool read_date_time(const uint8_t* text, size_t size, DateTime& time);

}  // namespace mplp
