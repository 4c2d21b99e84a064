#pragma once

namespace mplp::MPLP_KERNEL {

/// The columns that only OpenTelemetry spans fill. Other spans cost nothing: their rows are filled up with
/// defaults when the next such span comes or the block is written, and a block without any such span leaves
/// the columns out.
class OtelColumns {
 public:
  explicit OtelColumns(uint64_t seed)
      : texts_{TextColumn(seed), TextColumn(seed), TextColumn(seed), TextColumn(seed),
               TextColumn(seed), TextColumn(seed), TextColumn(seed), TextColumn(seed)} {}

  bool empty() const { return rows_ == 0; }

  void begin_body() {
    mark_ = rows_;
    for (TextColumn& text : texts_) text.mark = text.values.size();
  }
  void roll_back() {
    rows_ = std::min(rows_, mark_);
    for (TextColumn& text : texts_) text.values.truncate(text.mark);
  }

  /// Appends the row with the given number, which is behind all rows so far.
  MPLP_INLINE void append(size_t row, const OtelFields& f) {
    if (MPLP_UNLIKELY(row != rows_)) fill_rows(row);
    if (MPLP_UNLIKELY(row == capacity_)) grow(row + 1);
    texts_[0].set(row, *f.service_name);
    texts_[1].set(row, f.gen_ai_model);
    texts_[2].set(row, f.gen_ai_provider);
    texts_[3].set(row, f.finish_reason);
    texts_[4].set(row, f.tool_name);
    texts_[5].set(row, *f.resource);
    texts_[6].set(row, *f.scope);
    texts_[7].set(row, f.shape);
    counts_[0][row] = f.input_tokens;
    counts_[1][row] = f.output_tokens;
    counts_[2][row] = f.cached_tokens;
    rows_ = row + 1;
  }

  void set_resource(size_t first_row, CachedText& json) { set_from(first_row, texts_[5], json); }
  void set_scope(size_t first_row, CachedText& json) { set_from(first_row, texts_[6], json); }

  /// Fills up to the rows of the block, when there is any row at all.
  void fill(size_t rows) {
    if (rows_ > 0 && rows_ < rows) fill_rows(rows);
  }

  /// Upper bound of what `write` writes for a block of so many rows.
  size_t max_bytes(size_t rows) const {
    if (rows_ == 0) return 0;
    size_t bytes = kHeaderBytes + rows * (kTexts * sizeof(uint32_t) + kCounts * sizeof(uint64_t));
    for (const TextColumn& text : texts_) bytes += text.values.bytes() + 1;
    return bytes;
  }

  template <typename Header>
  uint8_t* write(uint8_t* out, size_t rows, Header header) const {
    if (rows_ == 0) return out;
    for (const TextColumn& text : texts_) {
      out = header(out);
      out = write_words(out, {kSharedDictionariesWithAdditionalKeys});
      out = write_dictionary_column(out, text.values, rows, [&](size_t row) { return text.numbers[row]; });
    }
    for (const Array<uint64_t>& count : counts_) {
      out = header(out);
      std::memcpy(out, count.data(), rows * sizeof(uint64_t));
      out += rows * sizeof(uint64_t);
    }
    return out;
  }

  void reset() {
    if (rows_ == 0 && capacity_ == 0) return;
    rows_ = 0;
    for (TextColumn& text : texts_) text.values.reset();
    if (capacity_ * sizeof(uint64_t) <= kKeepBytes / 8) return;
    for (TextColumn& text : texts_) text.numbers.reset(0);
    for (Array<uint64_t>& count : counts_) count.reset(0);
    capacity_ = 0;
  }

 private:
  static constexpr size_t kTexts = 8;
  static constexpr size_t kCounts = 3;
  static_assert(kTexts + kCounts == kOtelColumnCount);
  // Names, types and the fixed parts of the dictionaries.
  static constexpr size_t kHeaderBytes = kOtelColumnCount * 96;

  struct TextColumn {
    explicit TextColumn(uint64_t seed) : values(seed) {}
    MPLP_INLINE void set(size_t row, CachedText& value) { numbers[row] = values.number_of(value); }
    MPLP_INLINE void set(size_t row, Text value) {
      numbers[row] = value.size == 0 ? values.number_of(none) : values.number_of(value);
    }

    Dictionary values;
    CachedText none;
    Array<uint32_t> numbers;
    size_t mark = 0;
  };

  void set_from(size_t first_row, TextColumn& text, CachedText& value) {
    if (first_row >= rows_) return;
    const uint32_t number = text.values.number_of(value);
    for (size_t row = first_row; row < rows_; ++row) text.numbers[row] = number;
  }

  MPLP_NOINLINE void fill_rows(size_t rows) {
    if (rows > capacity_) grow(rows);
    for (TextColumn& text : texts_) {
      const uint32_t none = text.values.number_of(text.none);
      for (size_t row = rows_; row < rows; ++row) text.numbers[row] = none;
    }
    for (Array<uint64_t>& count : counts_) {
      std::memset(count.data() + rows_, 0, (rows - rows_) * sizeof(uint64_t));
    }
    rows_ = rows;
  }

  MPLP_NOINLINE void grow(size_t least) {
    const size_t rows = std::max({least, size_t{256}, capacity_ * 2});
    const auto resize = [&](auto& column) {
      column.set_size(rows_);
      column.reserve(rows - rows_);
    };
    for (TextColumn& text : texts_) resize(text.numbers);
    for (Array<uint64_t>& count : counts_) resize(count);
    capacity_ = rows;
  }

  size_t rows_ = 0;
  size_t capacity_ = 0;
  size_t mark_ = 0;
  TextColumn texts_[kTexts];
  Array<uint64_t> counts_[kCounts];
};

}  // namespace mplp::MPLP_KERNEL
