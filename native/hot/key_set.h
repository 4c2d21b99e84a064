#pragma once

namespace mplp::MPLP_KERNEL {

/// Finds repeated keys. The keys of all open objects lie on one stack; each object is checked when it closes:
/// a few keys against each other, many through a hash table.
class KeySet {
 public:
  explicit KeySet(uint64_t seed) : seed_(seed) {}

  void clear() { keys_.truncate(0); }
  size_t mark() const { return keys_.size(); }
  /// Forgets the keys since `mark`: their object was given up.
  void rewind(size_t mark) { keys_.truncate(mark); }

  /// False for `__proto__`. The text must stay where it is until its object is closed.
  MPLP_INLINE bool add(Text key) {
    const uint64_t signature = signature_of(key);
    if (MPLP_UNLIKELY(key.size == 9 && is_word(key.data, "__proto__"))) return false;
    keys_.push({key, signature});
    return true;
  }

  /// Takes the keys since `mark` off the stack; false when one of them was there twice.
  MPLP_INLINE bool close(size_t mark) {
    const size_t count = keys_.size() - mark;
    bool distinct = true;
    if (count > 1) distinct = count <= kFew ? few_are_distinct(mark) : many_are_distinct(mark);
    keys_.truncate(mark);
    return distinct;
  }

  void release() {
    keys_.reset(kKeepBytes);
    slots_.reset(kKeepBytes);
  }

 private:
  static constexpr size_t kFew = 16;

  struct Key {
    Text text;
    uint64_t signature;
  };

  /// Equal for equal keys, and nearly always different for others: the ends and the length.
  static MPLP_INLINE uint64_t signature_of(Text key) {
    if (key.size >= 8) {
      const uint64_t last = load64(key.data + key.size - 8);
      return (load64(key.data) * kMixA ^ (last << 32 | last >> 32)) + key.size;
    }
    return key.size == 0 ? 0 : (load64(key.data) << (64 - 8 * key.size)) + key.size;
  }

  static MPLP_INLINE bool same(const Key& a, const Key& b) {
    return a.signature == b.signature && a.text.size == b.text.size &&
           same_bytes(a.text.data, b.text.data, a.text.size);
  }

  MPLP_INLINE bool few_are_distinct(size_t mark) const {
    const Key* first = keys_.data() + mark;
    const Key* end = keys_.end();
    for (const Key* a = first + 1; a < end; ++a) {
      for (const Key* b = first; b < a; ++b) {
        if (MPLP_UNLIKELY(same(*a, *b))) return false;
      }
    }
    return true;
  }

  MPLP_NOINLINE bool many_are_distinct(size_t mark) {
    const size_t count = keys_.size() - mark;
    const size_t slots = std::bit_ceil(count * 2);
    slots_.truncate(0);
    uint32_t* slot = slots_.reserve(slots);
    std::memset(slot, 0, slots * sizeof(uint32_t));
    const Key* first = keys_.data() + mark;
    for (size_t i = 0; i < count; ++i) {
      size_t at = hash_text(first[i].text, seed_) & (slots - 1);
      while (slot[at] != 0) {
        if (same(first[slot[at] - 1], first[i])) return false;
        at = (at + 1) & (slots - 1);
      }
      slot[at] = static_cast<uint32_t>(i + 1);
    }
    return true;
  }

  uint64_t seed_;
  Array<Key> keys_;
  Array<uint32_t> slots_;
};

}  // namespace mplp::MPLP_KERNEL
