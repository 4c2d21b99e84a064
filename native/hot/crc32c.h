#pragma once

namespace mplp::MPLP_KERNEL {

namespace crc {

inline constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, bits reversed

/// Tables for eight bytes at a time.
struct Tables {
  uint32_t entry[8][256];
  constexpr Tables() : entry() {
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (kPolynomial & (0 - (value & 1)));
      entry[0][i] = value;
    }
    for (int k = 1; k < 8; ++k) {
      for (uint32_t i = 0; i < 256; ++i)
        entry[k][i] = (entry[k - 1][i] >> 8) ^ entry[0][entry[k - 1][i] & 0xff];
    }
  }
};
inline constexpr Tables kTables;

/// Appends 2^log2_bytes zero bytes to what `crc` was taken of: the linear map as 4 tables of 256 entries.
struct ZeroShift {
  uint32_t entry[4][256];
  constexpr explicit ZeroShift(int log2_bytes) : entry() {
    uint32_t column[32] = {};  // image of each bit under one zero byte, then squared
    for (int i = 0; i < 32; ++i) {
      uint32_t value = uint32_t{1} << i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (kPolynomial & (0 - (value & 1)));
      column[i] = value;
    }
    for (int n = 0; n < log2_bytes; ++n) {
      uint32_t square[32] = {};
      for (int i = 0; i < 32; ++i) square[i] = apply(column, column[i]);
      for (int i = 0; i < 32; ++i) column[i] = square[i];
    }
    for (int k = 0; k < 4; ++k) {
      for (uint32_t i = 0; i < 256; ++i) entry[k][i] = apply(column, i << (8 * k));
    }
  }
  constexpr uint32_t operator()(uint32_t crc) const {
    return entry[0][crc & 0xff] ^ entry[1][crc >> 8 & 0xff] ^ entry[2][crc >> 16 & 0xff] ^
           entry[3][crc >> 24];
  }

 private:
  static constexpr uint32_t apply(const uint32_t (&column)[32], uint32_t value) {
    uint32_t sum = 0;
    for (int i = 0; i < 32; ++i) sum ^= column[i] & (0 - (value >> i & 1));
    return sum;
  }
};

#if defined(MPLP_HAS_SSE42)
#define MPLP_HAS_CRC 1
MPLP_INLINE uint64_t step8(uint64_t crc, uint64_t data) { return _mm_crc32_u64(crc, data); }
MPLP_INLINE uint32_t step1(uint32_t crc, uint8_t data) { return _mm_crc32_u8(crc, data); }
#elif defined(MPLP_HAS_ARM_CRC)
#define MPLP_HAS_CRC 1
MPLP_INLINE uint64_t step8(uint64_t crc, uint64_t data) {
  return __crc32cd(static_cast<uint32_t>(crc), data);
}
MPLP_INLINE uint32_t step1(uint32_t crc, uint8_t data) { return __crc32cb(crc, data); }
#endif

}  // namespace crc

/// CRC-32C (RFC 3720 appendix B.4). `seed` is the checksum of what stands before, 0 at the beginning.
inline uint32_t crc32c(const uint8_t* data, size_t size, uint32_t seed) {
  using namespace crc;
  uint32_t sum = ~seed;
#if defined(MPLP_HAS_CRC)
  // The instruction takes three cycles but a new one can start in each: three streams side by side, joined by
  // shifting the earlier ones over the length of the later ones.
  static constexpr ZeroShift kLongShift(12), kShortShift(8);
  const auto three_streams = [&](size_t length, const ZeroShift& shift) {
    while (size >= 3 * length) {
      uint64_t a = sum, b = 0, c = 0;
      for (size_t i = 0; i < length; i += 8) {
        a = step8(a, load64(data + i));
        b = step8(b, load64(data + length + i));
        c = step8(c, load64(data + 2 * length + i));
      }
      sum = shift(shift(static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b)) ^ static_cast<uint32_t>(c);
      data += 3 * length;
      size -= 3 * length;
    }
  };
  three_streams(4096, kLongShift);
  three_streams(256, kShortShift);
  for (; size >= 8; size -= 8, data += 8) sum = static_cast<uint32_t>(step8(sum, load64(data)));
  for (; size > 0; --size, ++data) sum = step1(sum, *data);
#else
  for (; size >= 8; size -= 8, data += 8) {
    const uint32_t low = load32(data) ^ sum, high = load32(data + 4);
    sum = kTables.entry[7][low & 0xff] ^ kTables.entry[6][low >> 8 & 0xff] ^
          kTables.entry[5][low >> 16 & 0xff] ^ kTables.entry[4][low >> 24] ^ kTables.entry[3][high & 0xff] ^
          kTables.entry[2][high >> 8 & 0xff] ^ kTables.entry[1][high >> 16 & 0xff] ^
          kTables.entry[0][high >> 24];
  }
  for (; size > 0; --size, ++data) sum = (sum >> 8) ^ kTables.entry[0][(sum ^ *data) & 0xff];
#endif
  return ~sum;
}

}  // namespace mplp::MPLP_KERNEL
