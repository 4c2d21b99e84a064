#pragma once

namespace mplp::MPLP_KERNEL {

/// Folds the 128 bit product of two numbers.
MPLP_INLINE uint64_t fold_multiply(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

constexpr uint64_t splitmix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

inline constexpr uint64_t kMixA = splitmix(1);
inline constexpr uint64_t kMixB = splitmix(2);

/// Hash of a short text for tables in memory. The seed is drawn for each decoder, so nobody outside can
/// prepare texts that collide. Reads 16 bytes whatever the size.
MPLP_INLINE uint64_t hash_text(Text text, uint64_t seed) {
  uint64_t state = seed ^ fold_multiply(text.size ^ kMixA, kMixB);
  if (text.size == 0) return state;
  const uint8_t* p = text.data;
  size_t left = text.size;
  while (left > 16) {
    state = fold_multiply(load64(p) ^ state ^ kMixA, load64(p + 8) ^ seed ^ kMixB);
    p += 16;
    left -= 16;
  }
  uint64_t a = load64(p), b = load64(p + 8);
  if (left < 8) {
    a <<= 64 - 8 * left;
    b = 0;
  } else if (left < 16) {
    b = left == 8 ? 0 : b << (128 - 8 * left);
  }
  return fold_multiply(fold_multiply(a ^ state ^ kMixA, b ^ seed ^ kMixB) ^ kMixB, state ^ kMixA);
}

namespace content {

/// 40 words of secret: the first outputs of splitmix64, so that anybody can write the algorithm anew.
struct Secret {
  uint64_t word[40];
  constexpr Secret() : word() {
    for (uint64_t i = 0; i < 40; ++i) word[i] = splitmix(0x6d706c70ull + i * 0x9e3779b97f4a7c15);
  }
};
inline constexpr Secret kSecret;

MPLP_INLINE void absorb(uint64_t (&lanes)[8], const uint8_t* stripe, const uint64_t* key) {
  uint64_t data[8];
  std::memcpy(data, stripe, 64);
  uint64_t added[8];
  for (int j = 0; j < 8; ++j) {
    const uint64_t keyed = data[j] ^ key[j];
    added[j] = (keyed & 0xffffffff) * (keyed >> 32);
  }
  for (int j = 0; j < 8; ++j) lanes[j] += added[j] + data[j ^ 1];
}

MPLP_INLINE uint64_t finish(const uint64_t (&lanes)[8], const uint64_t* key, uint64_t start) {
  uint64_t sum = start;
  for (int j = 0; j < 8; j += 2) sum += fold_multiply(lanes[j] ^ key[j], lanes[j + 1] ^ key[j + 1]);
  sum = (sum ^ (sum >> 32)) * 0xd6e8feb86659fd93;
  sum = (sum ^ (sum >> 29)) * 0x9e3779b97f4a7c15;
  return sum ^ (sum >> 32);
}

}  // namespace content

/// Content hash, 128 bits. Eight 64 bit lanes take in stripes of 64 bytes, read as little-endian words:
///   lane[j] += low32(word[j] ^ key[j]) * high32(word[j] ^ key[j]) + word[j ^ 1]
/// with key = secret[8 + stripe % 16 ...]. After each 16 stripes the lanes are scrambled:
///   lane[j] = (lane[j] ^ lane[j] >> 47 ^ secret[32 + j]) * 0x9e3779b1
/// The last stripe is filled up with zeros, and the length goes into both halves of the result. Receipts and
/// the memory of earlier bodies hold these hashes, so the algorithm must never change.
inline Hash128 content_hash(const uint8_t* data, size_t size) {
  using namespace content;
  uint64_t lanes[8];
  for (int j = 0; j < 8; ++j) lanes[j] = kSecret.word[j];
  const size_t stripes = size / 64;
  size_t stripe = 0;
  while (stripes - stripe >= 16) {
    for (size_t k = 0; k < 16; ++k) absorb(lanes, data + (stripe + k) * 64, kSecret.word + 8 + k);
    for (int j = 0; j < 8; ++j) lanes[j] = (lanes[j] ^ (lanes[j] >> 47) ^ kSecret.word[32 + j]) * 0x9e3779b1u;
    stripe += 16;
  }
  for (size_t k = 0; stripe < stripes; ++stripe, ++k) absorb(lanes, data + stripe * 64, kSecret.word + 8 + k);
  if (size % 64 != 0) {
    uint8_t last[64] = {};
    std::memcpy(last, data + stripes * 64, size % 64);
    absorb(lanes, last, kSecret.word + 8 + stripes % 16);
  }
  return {finish(lanes, kSecret.word + 1, size * 0x9e3779b97f4a7c15),
          finish(lanes, kSecret.word + 17, ~size * 0xc2b2ae3d27d4eb4f)};
}

}  // namespace mplp::MPLP_KERNEL
