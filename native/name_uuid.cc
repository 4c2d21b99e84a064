#include "name_uuid.h"

#include <bit>
#include <cstring>

namespace mplp {
namespace {

constexpr uint8_t kNamespace[16] = {'M',  'P',  'L', 'P', 'O', 'T', 'L', 'P',
                                    0x80, 0x00, 'n', 'a', 'm', 'e', 's', 'p'};

/// SHA-1 (FIPS 180-4). UUIDs of version 5 are defined by it; it protects nothing here.
class Sha1 {
 public:
  void add(const uint8_t* data, size_t size) {
    length_ += size;
    while (size > 0) {
      const size_t part = size < sizeof block_ - filled_ ? size : sizeof block_ - filled_;
      std::memcpy(block_ + filled_, data, part);
      filled_ += part;
      data += part;
      size -= part;
      if (filled_ == sizeof block_) digest_block();
    }
  }

  void finish(uint8_t (&digest)[20]) {
    const uint64_t bits = length_ * 8;
    const uint8_t one = 0x80, zero = 0;
    add(&one, 1);
    while (filled_ != 56) add(&zero, 1);
    uint8_t length[8];
    for (int i = 0; i < 8; ++i) length[i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
    add(length, 8);
    for (int i = 0; i < 20; ++i) digest[i] = static_cast<uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  }

 private:
  void digest_block() {
    uint32_t w[80];
    for (int i = 0; i < 16; ++i) {
      w[i] = static_cast<uint32_t>(block_[4 * i]) << 24 | static_cast<uint32_t>(block_[4 * i + 1]) << 16 |
             static_cast<uint32_t>(block_[4 * i + 2]) << 8 | block_[4 * i + 3];
    }
    for (int i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = state_;
    for (int i = 0; i < 80; ++i) {
      uint32_t f, k;
      if (i < 20) {
        f = (b & c) | (~b & d), k = 0x5a827999;
      } else if (i < 40) {
        f = b ^ c ^ d, k = 0x6ed9eba1;
      } else if (i < 60) {
        f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
      } else {
        f = b ^ c ^ d, k = 0xca62c1d6;
      }
      const uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
    }
    state_[0] += a, state_[1] += b, state_[2] += c, state_[3] += d, state_[4] += e;
    filled_ = 0;
  }

  uint32_t state_[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  uint8_t block_[64];
  size_t filled_ = 0;
  uint64_t length_ = 0;
};

}  // namespace

void name_uuid(const uint8_t* name, size_t size, uint8_t (&uuid)[16]) {
  Sha1 sha1;
  sha1.add(kNamespace, sizeof kNamespace);
  sha1.add(name, size);
  uint8_t digest[20];
  sha1.finish(digest);
  std::memcpy(uuid, digest, 16);
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | 0x50);
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);
}

}  // namespace mplp
