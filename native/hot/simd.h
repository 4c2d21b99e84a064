#pragma once

namespace mplp::MPLP_KERNEL {

/// 16 bytes as ClickHouse's Native format writes them: the high half first, each half little-endian.
struct Uuid {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const Uuid&) const = default;
};

/// The 16 bytes of a UUID in network order.
MPLP_INLINE Uuid uuid_of_bytes(const uint8_t* bytes) {
  return {__builtin_bswap64(load64(bytes)), __builtin_bswap64(load64(bytes + 8))};
}

#if defined(MPLP_HAS_SSE42)

/// Reads `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, lower-case hex only, from exactly 36 bytes.
MPLP_INLINE bool read_uuid(const uint8_t* text, Uuid& uuid) {
  const __m128i head = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  const __m128i tail = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + 20));
  uint16_t middle;
  std::memcpy(&middle, text + 16, 2);
  // The 32 digits without the dashes, 16 in each vector.
  __m128i a = _mm_shuffle_epi8(head, _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, -1, -1));
  a = _mm_insert_epi16(a, middle, 7);
  __m128i b = _mm_shuffle_epi8(tail, _mm_setr_epi8(-1, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  b = _mm_insert_epi8(b, text[19], 0);
  const bool dashes = (text[8] == '-') & (text[13] == '-') & (text[18] == '-') & (text[23] == '-');
  // c - '0' is at most 9, or c - 'a' at most 5, as unsigned bytes.
  const auto is_hex = [](__m128i c) {
    const __m128i from_0 = _mm_sub_epi8(c, _mm_set1_epi8('0'));
    const __m128i from_a = _mm_sub_epi8(c, _mm_set1_epi8('a'));
    const __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(from_0, _mm_set1_epi8(9)), from_0);
    const __m128i letter = _mm_cmpeq_epi8(_mm_min_epu8(from_a, _mm_set1_epi8(5)), from_a);
    return _mm_or_si128(digit, letter);
  };
  const int good = _mm_movemask_epi8(_mm_and_si128(is_hex(a), is_hex(b)));
  const auto nibbles = [](__m128i c) {
    const __m128i letter = _mm_cmpgt_epi8(c, _mm_set1_epi8('9'));
    return _mm_add_epi8(_mm_and_si128(c, _mm_set1_epi8(15)), _mm_and_si128(letter, _mm_set1_epi8(9)));
  };
  const __m128i weights = _mm_set1_epi16(0x0110);  // first digit of a byte times 16, second times 1
  const __m128i bytes =
      _mm_packus_epi16(_mm_maddubs_epi16(nibbles(a), weights), _mm_maddubs_epi16(nibbles(b), weights));
  const __m128i halves =
      _mm_shuffle_epi8(bytes, _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(&uuid), halves);
  return (good == 0xffff) & dashes;
}

/// The 32 hex digits of a UUID.
MPLP_INLINE void write_hex(const Uuid& uuid, uint8_t* out) {
  const __m128i bytes = _mm_set_epi64x(static_cast<int64_t>(__builtin_bswap64(uuid.low)),
                                       static_cast<int64_t>(__builtin_bswap64(uuid.high)));
  const __m128i digits =
      _mm_setr_epi8('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f');
  const __m128i low = _mm_and_si128(bytes, _mm_set1_epi8(15));
  const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
  auto* to = reinterpret_cast<__m128i*>(out);
  _mm_storeu_si128(to, _mm_shuffle_epi8(digits, _mm_unpacklo_epi8(high, low)));
  _mm_storeu_si128(to + 1, _mm_shuffle_epi8(digits, _mm_unpackhi_epi8(high, low)));
}

#else

struct HexTable {
  uint8_t value[256];
  constexpr HexTable() : value() {
    for (int c = 0; c < 256; ++c) {
      value[c] = static_cast<uint8_t>(c >= '0' && c <= '9'   ? c - '0'
                                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                             : 0x80);
    }
  }
};
inline constexpr HexTable kHexTable;

MPLP_INLINE bool read_uuid(const uint8_t* text, Uuid& uuid) {
  uint64_t half[2] = {0, 0};
  uint8_t bad = 0;
  const auto take = [&](int which, int from, int count) {
    for (int i = 0; i < count; ++i) {
      const uint8_t digit = kHexTable.value[text[from + i]];
      bad |= digit;
      half[which] = half[which] << 4 | (digit & 15);
    }
  };
  take(0, 0, 8), take(0, 9, 4), take(0, 14, 4), take(1, 19, 4), take(1, 24, 12);
  uuid = {half[0], half[1]};
  return bad < 0x80 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-';
}

/// The 32 hex digits of a UUID.
inline void write_hex(const Uuid& uuid, uint8_t* out) {
  for (int i = 0; i < 32; ++i) {
    const uint64_t half = i < 16 ? uuid.high : uuid.low;
    out[i] = static_cast<uint8_t>("0123456789abcdef"[half >> (60 - 4 * (i & 15)) & 15]);
  }
}

#endif

/// Writes the 36 characters of a UUID.
MPLP_INLINE void write_uuid(const Uuid& uuid, uint8_t* out) {
  uint8_t hex[32];
  write_hex(uuid, hex);
  std::memcpy(out, hex, 8);
  std::memcpy(out + 9, hex + 8, 4);
  std::memcpy(out + 14, hex + 12, 4);
  std::memcpy(out + 19, hex + 16, 4);
  std::memcpy(out + 24, hex + 20, 12);
  out[8] = out[13] = out[18] = out[23] = '-';
}

/// Copies text up to the first byte that a JSON string cannot hold as it is (quote, backslash, control) or
/// that is not ASCII. Returns how many bytes were copied; reads and writes up to 63 bytes more than `size`.
MPLP_INLINE size_t copy_plain(uint8_t* to, const uint8_t* from, size_t size) {
#if defined(MPLP_HAS_AVX512)
  for (size_t i = 0; i < size; i += 64) {
    const __m512i chunk = _mm512_loadu_si512(from + i);
    _mm512_storeu_si512(to + i, chunk);
    // As signed bytes, control characters and everything beyond ASCII are below the space.
    const uint64_t special = _mm512_cmplt_epi8_mask(chunk, _mm512_set1_epi8(' ')) |
                             _mm512_cmpeq_epi8_mask(chunk, _mm512_set1_epi8('"')) |
                             _mm512_cmpeq_epi8_mask(chunk, _mm512_set1_epi8('\\'));
    if (special != 0) return std::min(size, i + static_cast<size_t>(__builtin_ctzll(special)));
  }
  return size;
#elif defined(MPLP_HAS_AVX2)
  for (size_t i = 0; i < size; i += 32) {
    const __m256i chunk = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), chunk);
    const __m256i special =
        _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(' '), chunk),
                        _mm256_or_si256(_mm256_cmpeq_epi8(chunk, _mm256_set1_epi8('"')),
                                        _mm256_cmpeq_epi8(chunk, _mm256_set1_epi8('\\'))));
    const auto mask = static_cast<uint32_t>(_mm256_movemask_epi8(special));
    if (mask != 0) return std::min(size, i + static_cast<size_t>(__builtin_ctz(mask)));
  }
  return size;
#elif defined(MPLP_HAS_SSE42)
  for (size_t i = 0; i < size; i += 16) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), chunk);
    const __m128i special = _mm_or_si128(
        _mm_cmplt_epi8(chunk, _mm_set1_epi8(' ')),
        _mm_or_si128(_mm_cmpeq_epi8(chunk, _mm_set1_epi8('"')), _mm_cmpeq_epi8(chunk, _mm_set1_epi8('\\'))));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(special));
    if (mask != 0) return std::min(size, i + static_cast<size_t>(__builtin_ctz(mask)));
  }
  return size;
#elif defined(MPLP_HAS_NEON)
  for (size_t i = 0; i < size; i += 16) {
    const uint8x16_t chunk = vld1q_u8(from + i);
    vst1q_u8(to + i, chunk);
    const uint8x16_t special =
        vorrq_u8(vcltq_s8(vreinterpretq_s8_u8(chunk), vdupq_n_s8(' ')),
                 vorrq_u8(vceqq_u8(chunk, vdupq_n_u8('"')), vceqq_u8(chunk, vdupq_n_u8('\\'))));
    // Four bits a byte.
    const uint64_t mask =
        vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(special), 4)), 0);
    if (mask != 0) return std::min(size, i + static_cast<size_t>(__builtin_ctzll(mask) >> 2));
  }
  return size;
#else
  size_t i = 0;
  while (i < size && from[i] >= 0x20 && from[i] < 0x80 && from[i] != '"' && from[i] != '\\') ++i;
  std::memcpy(to, from, i);
  return i;
#endif
}

/// 64 bytes of text, asked for the positions of certain bytes: bit i stands for byte i.
class Chunk {
 public:
#if defined(MPLP_HAS_AVX512)
  explicit Chunk(const uint8_t* from) : bytes_(_mm512_loadu_si512(from)) {}
  MPLP_INLINE uint64_t equal(char c) const { return _mm512_cmpeq_epi8_mask(bytes_, _mm512_set1_epi8(c)); }
  MPLP_INLINE uint64_t control() const { return _mm512_cmplt_epu8_mask(bytes_, _mm512_set1_epi8(' ')); }
  MPLP_INLINE uint64_t escape_kinds() const {
    const __m512i low = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(low_table()), low_nibbles());
    const __m512i high = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(high_table()), high_nibbles());
    return _mm512_test_epi8_mask(low, high);
  }

 private:
  MPLP_INLINE __m512i low_nibbles() const { return _mm512_and_si512(bytes_, _mm512_set1_epi8(15)); }
  MPLP_INLINE __m512i high_nibbles() const {
    return _mm512_and_si512(_mm512_srli_epi16(bytes_, 4), _mm512_set1_epi8(15));
  }
  __m512i bytes_;
#elif defined(MPLP_HAS_AVX2)
  explicit Chunk(const uint8_t* from)
      : a_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))),
        b_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32))) {}
  MPLP_INLINE uint64_t equal(char c) const {
    const __m256i wanted = _mm256_set1_epi8(c);
    return join(_mm256_cmpeq_epi8(a_, wanted), _mm256_cmpeq_epi8(b_, wanted));
  }
  MPLP_INLINE uint64_t control() const {
    const __m256i last = _mm256_set1_epi8(0x1f);
    return join(_mm256_cmpeq_epi8(_mm256_min_epu8(a_, last), a_),
                _mm256_cmpeq_epi8(_mm256_min_epu8(b_, last), b_));
  }
  MPLP_INLINE uint64_t escape_kinds() const { return ~join(unlike_escapes(a_), unlike_escapes(b_)); }

 private:
  static MPLP_INLINE uint64_t join(__m256i a, __m256i b) {
    const auto low = static_cast<uint32_t>(_mm256_movemask_epi8(a));
    const auto high = static_cast<uint32_t>(_mm256_movemask_epi8(b));
    return low | uint64_t{high} << 32;
  }
  static MPLP_INLINE __m256i unlike_escapes(__m256i part) {
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i low =
        _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(low_table()), _mm256_and_si256(part, mask));
    const __m256i high = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(high_table()),
                                             _mm256_and_si256(_mm256_srli_epi16(part, 4), mask));
    return _mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
  }
  __m256i a_, b_;
#elif defined(MPLP_HAS_SSE42)
  explicit Chunk(const uint8_t* from) {
    for (int i = 0; i < 4; ++i) part_[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + i);
  }
  MPLP_INLINE uint64_t equal(char c) const {
    return join([c](__m128i part) { return _mm_cmpeq_epi8(part, _mm_set1_epi8(c)); });
  }
  MPLP_INLINE uint64_t control() const {
    return join([](__m128i part) { return _mm_cmpeq_epi8(_mm_min_epu8(part, _mm_set1_epi8(0x1f)), part); });
  }
  MPLP_INLINE uint64_t escape_kinds() const {
    return ~join([](__m128i part) {
      const __m128i mask = _mm_set1_epi8(15);
      const __m128i low = _mm_shuffle_epi8(low_table(), _mm_and_si128(part, mask));
      const __m128i high = _mm_shuffle_epi8(high_table(), _mm_and_si128(_mm_srli_epi16(part, 4), mask));
      return _mm_cmpeq_epi8(_mm_and_si128(low, high), _mm_setzero_si128());
    });
  }

 private:
  template <typename Match>
  MPLP_INLINE uint64_t join(Match match) const {
    uint64_t mask = 0;
    for (int i = 0; i < 4; ++i) {
      mask |= uint64_t{static_cast<uint16_t>(_mm_movemask_epi8(match(part_[i])))} << (16 * i);
    }
    return mask;
  }
  __m128i part_[4];
#else
  explicit Chunk(const uint8_t* from) : from_(from) {}
  uint64_t equal(char c) const {
    return collect([c](uint8_t byte) { return byte == static_cast<uint8_t>(c); });
  }
  uint64_t control() const {
    return collect([](uint8_t byte) { return byte < 0x20; });
  }
  uint64_t escape_kinds() const {
    return collect([](uint8_t byte) { return byte != 0 && std::strchr("\"\\/bfnrtu", byte) != nullptr; });
  }

 private:
  template <typename Match>
  uint64_t collect(Match match) const {
    uint64_t mask = 0;
    for (unsigned i = 0; i < 64; ++i) mask |= uint64_t{match(from_[i])} << i;
    return mask;
  }
  const uint8_t* from_;
#endif

#if defined(MPLP_HAS_SSE42)
  // The bytes that may follow a backslash: " \ / b f n r t u. A byte is one of them when the entries of its
  // two nibbles share a bit; the bits stand for the high nibbles 2, 5, 6 and 7.
  static MPLP_INLINE __m128i low_table() {
    return _mm_setr_epi8(0, 0, 1 | 4 | 8, 0, 8, 8, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1);
  }
  static MPLP_INLINE __m128i high_table() {
    return _mm_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0);
  }
#endif
};

/// The backslashes of a chunk that begin an escape, given all of its backslashes. In a run of them, every
/// other one does, counted from its first. `first_is_escaped` says that the last byte of the chunk before
/// began one.
MPLP_INLINE uint64_t escaping_backslashes(uint64_t backslashes, bool first_is_escaped) {
  constexpr uint64_t kEven = 0x5555555555555555;
  const uint64_t runs = backslashes & ~uint64_t{first_is_escaped};
  const uint64_t even_starts = runs & ~(runs << 1) & kEven;
  // Adding the first bit of a run carries through it and clears it.
  const uint64_t in_even_runs = runs & ~(runs + even_starts);
  return (in_even_runs & kEven) | (runs & ~in_even_runs & ~kEven);
}

/// True when no byte is outside ASCII. Reads up to 31 bytes more.
MPLP_INLINE bool is_ascii(const uint8_t* text, size_t size) {
  uint64_t high_bits = 0;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) high_bits |= load64(text + i);
  if (i < size) high_bits |= load64(text + i) << (64 - 8 * (size - i));
  return (high_bits & 0x8080808080808080) == 0;
}

}  // namespace mplp::MPLP_KERNEL
