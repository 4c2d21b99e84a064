#pragma once

namespace mplp::MPLP_KERNEL {

MPLP_INLINE uint8_t* write_varint(uint8_t* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<uint8_t>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<uint8_t>(value);
  return out;
}

/// A `String` column: each value as its length and its bytes, back to back.
class StringColumn {
 public:
  MPLP_INLINE void push(Text value) {
    uint8_t* out = bytes_.reserve(value.size + 10);
    if (value.size == 0) {
      *out = 0;
      bytes_.set_size(bytes_.size() + 1);
      return;
    }
    uint8_t* content = write_varint(out, value.size);
    copy_over(content, value.data, value.size);
    bytes_.set_size(static_cast<size_t>(content + value.size - bytes_.data()));
  }
  size_t size() const { return bytes_.size(); }
  void truncate(size_t size) { bytes_.truncate(size); }
  void reset() { bytes_.reset(kKeepBytes); }
  const uint8_t* data() const { return bytes_.data(); }
  uint8_t* write(uint8_t* out) const {
    if (bytes_.size() > 0) std::memcpy(out, bytes_.data(), bytes_.size());
    return out + bytes_.size();
  }

 private:
  Array<uint8_t> bytes_;
};

/// A text that many spans share, with its number in the one dictionary it is used with.
struct CachedText {
  Text text;
  uint32_t number = 0;
  uint64_t epoch = 0;
};

/// The distinct values of a `LowCardinality(String)` column, numbered in the order in which they came.
class Dictionary {
 public:
  explicit Dictionary(uint64_t seed) : seed_(seed) {}

  size_t size() const { return entries_.size(); }
  /// Bytes `write` takes.
  size_t bytes() const { return values_.size(); }

  MPLP_INLINE uint32_t number_of(Text value) {
    const auto hash = static_cast<uint32_t>(hash_text(value, seed_));
    if (MPLP_LIKELY(!slots_.empty())) {
      const size_t mask = slots_.size() - 1;
      for (size_t at = hash & mask;; at = (at + 1) & mask) {
        const uint32_t number = slots_[at];
        if (number == 0) break;
        const Entry& entry = entries_[number - 1];
        if (entry.hash == hash && entry.size == value.size &&
            same_bytes(values_.data() + entry.end - entry.size, value.data, value.size)) {
          return number - 1;
        }
      }
    }
    return add(value, hash);
  }
  /// The same, looked up once until the dictionary forgets values.
  MPLP_INLINE uint32_t number_of(CachedText& value) {
    if (MPLP_UNLIKELY(value.epoch != epoch_)) {
      value.number = number_of(value.text);
      value.epoch = epoch_;
    }
    return value.number;
  }

  uint8_t* write(uint8_t* out) const { return values_.write(out); }

  /// Forgets all but the first `count` values.
  void truncate(size_t count) {
    if (count == entries_.size()) return;
    ++epoch_;
    values_.truncate(count == 0 ? 0 : entries_[count - 1].end);
    entries_.truncate(count);
    rehash(slots_.size());
  }

  void reset() {
    ++epoch_;
    values_.reset();
    entries_.reset(kKeepBytes);
    // A table that a block of many values left behind would cost each small block a long clearing.
    if (slots_.size() > kFewSlots) slots_.reset(0);
    if (!slots_.empty()) std::memset(slots_.data(), 0, slots_.size() * sizeof(uint32_t));
  }

 private:
  static constexpr size_t kFewSlots = 1024;

  struct Entry {
    size_t end;  // of the value in values_
    size_t size;
    uint32_t hash;
  };

  MPLP_NOINLINE uint32_t add(Text value, uint32_t hash) {
    if ((entries_.size() + 1) * 2 > slots_.size()) rehash(std::max<size_t>(64, slots_.size() * 2));
    entries_.reserve(1);
    values_.push(value);
    entries_.push({values_.size(), value.size, hash});
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = static_cast<uint32_t>(entries_.size());
    return static_cast<uint32_t>(entries_.size() - 1);
  }

  void rehash(size_t slots) {
    slots_.truncate(0);
    slots_.reserve(slots);
    slots_.set_size(slots);
    if (slots == 0) return;
    std::memset(slots_.data(), 0, slots * sizeof(uint32_t));
    for (size_t i = 0; i < entries_.size(); ++i) {
      size_t at = entries_[i].hash & (slots - 1);
      while (slots_[at] != 0) at = (at + 1) & (slots - 1);
      slots_[at] = static_cast<uint32_t>(i + 1);
    }
  }

  uint64_t seed_;
  uint64_t epoch_ = 1;
  StringColumn values_;
  Array<Entry> entries_;
  Array<uint32_t> slots_;
};

MPLP_INLINE uint8_t* write_words(uint8_t* out, std::initializer_list<uint64_t> words) {
  for (const uint64_t word : words) {
    std::memcpy(out, &word, 8);
    out += 8;
  }
  return out;
}

inline constexpr uint64_t kSharedDictionariesWithAdditionalKeys = 1;

/// A LowCardinality column without its prefix: index type and flags (additional keys of this block, no
/// shared dictionary), the keys, then one index a row in the narrowest type.
template <typename NumberOf>
uint8_t* write_dictionary_column(uint8_t* out, const Dictionary& dictionary, size_t rows,
                                 NumberOf number_of) {
  constexpr uint64_t kAdditionalKeys = 1u << 9 | 1u << 10;
  const uint64_t width = dictionary.size() <= 256 ? 0 : dictionary.size() <= 65536 ? 1 : 2;
  out = write_words(out, {kAdditionalKeys | width, dictionary.size()});
  out = dictionary.write(out);
  out = write_words(out, {rows});
  const auto write_numbers = [&]<typename T>(T) {
    for (size_t row = 0; row < rows; ++row) {
      const T number = static_cast<T>(number_of(row));
      std::memcpy(out + row * sizeof(T), &number, sizeof(T));
    }
    out += rows * sizeof(T);
  };
  if (width == 0) {
    write_numbers(uint8_t{});
  } else if (width == 1) {
    write_numbers(uint16_t{});
  } else {
    write_numbers(uint32_t{});
  }
  return out;
}

}  // namespace mplp::MPLP_KERNEL
