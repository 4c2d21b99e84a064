#pragma once

namespace mplp::MPLP_KERNEL {

/// Bytes that somebody else owns. 64 bytes behind them can be read.
struct Text {
  const uint8_t* data = nullptr;
  size_t size = 0;
};

MPLP_INLINE uint64_t load64(const uint8_t* from) {
  uint64_t value;
  std::memcpy(&value, from, 8);
  return value;
}
MPLP_INLINE uint32_t load32(const uint8_t* from) {
  uint32_t value;
  std::memcpy(&value, from, 4);
  return value;
}

/// Copies `size` bytes; reads and writes up to 63 bytes more.
MPLP_INLINE void copy_over(uint8_t* to, const uint8_t* from, size_t size) {
  if (MPLP_UNLIKELY(size > 512)) {
    std::memcpy(to, from, size);
    return;
  }
  for (size_t i = 0; i < size; i += 32) std::memcpy(to + i, from + i, 32);
}

/// Compares without a call, because the texts are short. Reads up to 7 bytes more.
MPLP_INLINE bool same_bytes(const uint8_t* a, const uint8_t* b, size_t size) {
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    if (load64(a + i) != load64(b + i)) return false;
  }
  return i == size || (load64(a + i) ^ load64(b + i)) << (64 - 8 * (size - i)) == 0;
}

/// Compares with a literal whose length is known to be right.
template <size_t N>
MPLP_INLINE bool is_word(const uint8_t* text, const char (&word)[N]) {
  return std::memcmp(text, word, N - 1) == 0;
}

/// Growable array of plain values. 64 bytes behind the end can always be read and written.
template <typename T>
class Array {
 public:
  Array() = default;
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() { std::free(data_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  /// Room for `more` further values. Returns where they go.
  MPLP_INLINE T* reserve(size_t more) {
    if (MPLP_UNLIKELY(size_ + more > capacity_)) grow(size_ + more);
    return data_ + size_;
  }
  MPLP_INLINE void push(const T& value) {
    *reserve(1) = value;
    ++size_;
  }
  void set_size(size_t size) { size_ = size; }
  void truncate(size_t size) { size_ = size; }
  /// Empties the array and gives its memory back when it is larger than `keep_bytes`.
  void reset(size_t keep_bytes) {
    size_ = 0;
    if (capacity_ * sizeof(T) > keep_bytes) {
      std::free(data_);
      data_ = nullptr;
      capacity_ = 0;
    }
  }

 private:
  MPLP_NOINLINE void grow(size_t wanted) {
    const size_t capacity = std::max({wanted, capacity_ * 2, size_t{256} / sizeof(T) + 1});
    auto* grown = static_cast<T*>(std::realloc(static_cast<void*>(data_), capacity * sizeof(T) + kPadding));
    if (grown == nullptr) throw std::bad_alloc();
    data_ = grown;
    capacity_ = capacity;
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

/// Memory that stays with its owner between blocks; what is larger is given back.
inline constexpr size_t kKeepBytes = size_t{8} << 20;

}  // namespace mplp::MPLP_KERNEL
