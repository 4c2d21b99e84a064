#pragma once

namespace mplp::MPLP_KERNEL {

/// The open Native block: one buffer a column. What is the same for all spans of a body (project, sequence
/// base, arrival) is kept once a body and spread over the rows by `take`.
class SpanBlock {
 public:
  explicit SpanBlock(uint64_t seed)
      : projects_(seed), action_names_(seed), tag_keys_(seed), tag_values_(seed), otel_(seed) {}

  size_t rows() const { return rows_; }

  void begin_body(Text project, uint64_t seq_base, uint32_t received_at) {
    mark_ = {rows_,
             runs_.size(),
             projects_.size(),
             action_names_.size(),
             tag_keys_.size(),
             tag_key_numbers_.size(),
             tag_values_.size(),
             {}};
    for (size_t i = 0; i < kTexts; ++i) mark_.texts[i] = texts_[i].size();
    otel_.begin_body();
    runs_.push({projects_.number_of(project), received_at, seq_base, rows_});
  }

  /// Forgets the body that was begun last.
  void roll_back() {
    rows_ = mark_.rows;
    runs_.truncate(mark_.runs);
    projects_.truncate(mark_.projects);
    action_names_.truncate(mark_.action_names);
    tag_keys_.truncate(mark_.tag_keys);
    tag_key_numbers_.truncate(mark_.tags);
    tag_values_.truncate(mark_.tag_values);
    tag_value_numbers_.truncate(mark_.tags);
    for (size_t i = 0; i < kTexts; ++i) texts_[i].truncate(mark_.texts[i]);
    otel_.roll_back();
  }

  /// Ends the body; one without rows leaves nothing behind.
  void end_body() {
    if (rows_ == mark_.rows) roll_back();
  }

  MPLP_INLINE void append(const SpanFields& f, int64_t start, int64_t duration) {
    if (MPLP_UNLIKELY(rows_ == row_capacity_)) grow();
    const size_t row = rows_;
    trace_id_[row] = f.trace_id;
    span_id_[row] = f.span_id;
    parent_span_id_[row] = f.parent_span_id;
    id_[row] = f.id;
    context_id_[row] = f.context_id;
    agent_id_[row] = f.agent_id;
    action_name_[row] = action_names_.number_of(f.action_name);
    action_type_[row] = f.action_type;
    status_[row] = f.status;
    start_[row] = start;
    duration_[row] = duration;
    uint32_t stored = f.present | f.start.digits << kStartSpellingShift;
    if (f.present & kEnd) stored |= f.end.digits << kEndSpellingShift;
    fields_[row] = stored & kStoredFields;
    texts_[0].push(f.error);
    texts_[1].push(f.metrics);
    texts_[2].push(f.parameters);
    texts_[3].push(f.output);
    texts_[4].push(f.action_duration);
    texts_[5].push(f.metadata);
    texts_[6].push(extra_of(f, stored));
    for (const SpanFields::Tag& tag : f.tags) {
      tag_key_numbers_.push(tag.known_key != nullptr ? tag_keys_.number_of(*tag.known_key)
                                                     : tag_keys_.number_of(tag.key));
      tag_value_numbers_.push(tag_values_.number_of(tag.value));
    }
    tag_ends_[row] = tag_key_numbers_.size();
    if (f.otel != nullptr) otel_.append(row, *f.otel);
    rows_ = row + 1;
  }

  /// The text of the resource or scope of all rows from one on, known only after they were appended.
  void set_otel_resource(size_t first_row, CachedText& json) { otel_.set_resource(first_row, json); }
  void set_otel_scope(size_t first_row, CachedText& json) { otel_.set_scope(first_row, json); }

  /// Upper bound of what `take` writes.
  size_t max_bytes() const {
    if (rows_ == 0) return 0;
    size_t bytes = kHeaderBytes + rows_ * kFixedRowBytes;
    bytes += projects_.bytes() + action_names_.bytes() + tag_keys_.bytes() + tag_values_.bytes();
    bytes += tag_key_numbers_.size() * 2 * sizeof(uint32_t);
    for (const StringColumn& text : texts_) bytes += text.size();
    return bytes + otel_.max_bytes(rows_);
  }

  Block take(uint8_t* into) {
    Block block;
    if (rows_ == 0) return block;
    otel_.fill(rows_);
    const uint8_t* end = write(into);
    block.rows = rows_;
    block.bytes = static_cast<size_t>(end - into);
    block.crc32c = crc32c(into, block.bytes, 0);
    discard();
    return block;
  }

  void discard() {
    rows_ = 0;
    if (row_capacity_ > kKeepRows) release_rows();
    runs_.reset(kKeepBytes);
    projects_.reset();
    action_names_.reset();
    tag_keys_.reset();
    tag_key_numbers_.reset(kKeepBytes);
    tag_values_.reset();
    tag_value_numbers_.reset(kKeepBytes);
    for (StringColumn& text : texts_) text.reset();
    otel_.reset();
    extra_.reset(kKeepBytes);
  }

 private:
  static constexpr size_t kTexts = 7;
  static constexpr size_t kKeepRows = 65536;
  // Names, types and the fixed parts of the four dictionaries.
  static constexpr size_t kHeaderBytes = 2048;
  // The fixed columns, 4 bytes each for project and action name.
  static constexpr size_t kFixedRowBytes = 6 * 16 + 2 * 4 + 2 + 8 + 8 + 4 + 8 + 4 + 8;

  /// Rows of one body.
  struct Run {
    uint32_t project;
    uint32_t received_at;
    uint64_t seq_base;
    size_t first_row;
  };
  struct Mark {
    size_t rows, runs, projects, action_names, tag_keys, tags, tag_values;
    size_t texts[kTexts];
  };

  MPLP_NOINLINE void grow() {
    const size_t rows = std::max<size_t>(256, row_capacity_ * 2);
    const auto resize = [&](auto& column) {
      column.set_size(rows_);
      column.reserve(rows - rows_);
    };
    for_each_fixed_column(resize);
    row_capacity_ = rows;
  }

  void release_rows() {
    for_each_fixed_column([](auto& column) { column.reset(0); });
    row_capacity_ = 0;
  }

  template <typename Visit>
  void for_each_fixed_column(Visit visit) {
    visit(trace_id_), visit(span_id_), visit(parent_span_id_), visit(id_), visit(context_id_),
        visit(agent_id_);
    visit(action_name_), visit(action_type_), visit(status_), visit(start_), visit(duration_), visit(fields_);
    visit(tag_ends_);
  }

  /// The JSON object of what has no column of its own; empty when there is nothing.
  MPLP_INLINE Text extra_of(const SpanFields& f, uint32_t stored) {
    const bool start_spelt = (stored >> kStartSpellingShift & 15) == kOtherSpelling;
    const bool end_spelt = (stored >> kEndSpellingShift & 15) == kOtherSpelling;
    if (MPLP_LIKELY(f.extras.empty() && !start_spelt && !end_spelt)) return {};
    return build_extra(f, start_spelt, end_spelt);
  }

  MPLP_NOINLINE Text build_extra(const SpanFields& f, bool start_spelt, bool end_spelt) {
    static constexpr std::string_view kGroups[] = {R"("":{)", R"("action":{)", R"("timestamp":{)",
                                                   R"("result":{)"};
    extra_.truncate(0);
    const auto put = [this](const void* data, size_t size) {
      std::memcpy(extra_.reserve(size), data, size);
      extra_.set_size(extra_.size() + size);
    };
    const auto put_text = [&](std::string_view text) { put(text.data(), text.size()); };
    for (uint8_t group = 0; group < 4; ++group) {
      bool open = false;
      for (const SpanFields::Extra& extra : f.extras) {
        if (static_cast<uint8_t>(extra.group) != group) continue;
        put_text(open ? "," : extra_.empty() ? "{" : ",");
        if (!open) put_text(kGroups[group]);
        open = true;
        put(extra.member.data, extra.member.size);
      }
      if (open) put_text("}");
    }
    if (start_spelt) {
      put_text(extra_.empty() ? R"({"start":)" : R"(,"start":)");
      put(f.start_text.data, f.start_text.size);
    }
    if (end_spelt) {
      put_text(extra_.empty() ? R"({"end":)" : R"(,"end":)");
      put(f.end_text.data, f.end_text.size);
    }
    put_text("}");
    return {extra_.data(), extra_.size()};
  }

  // ---- writing ----

  uint8_t* write_header(uint8_t* out) const {
    const ColumnKind& column = kColumns[column_++];
    for (const char* text : {column.name, column.type}) {
      const size_t size = std::strlen(text);
      out = write_varint(out, size);
      std::memcpy(out, text, size);
      out += size;
    }
    return out;
  }

  template <typename T>
  uint8_t* write_column(uint8_t* out, const Array<T>& values) const {
    out = write_header(out);
    std::memcpy(out, values.data(), rows_ * sizeof(T));
    return out + rows_ * sizeof(T);
  }

  /// Calls `visit(run, first row, row behind the last)` for each body.
  template <typename Visit>
  void for_each_run(Visit visit) const {
    for (size_t i = 0; i < runs_.size(); ++i) {
      visit(runs_[i], runs_[i].first_row, i + 1 < runs_.size() ? runs_[i + 1].first_row : rows_);
    }
  }

  uint8_t* write(uint8_t* out) const {
    column_ = 0;
    out = write_varint(out, otel_.empty() ? kPlainColumnCount : kColumnCount);
    out = write_varint(out, rows_);

    out = write_header(out);
    out = write_words(out, {kSharedDictionariesWithAdditionalKeys});
    size_t run = 0;
    out = write_dictionary_column(out, projects_, rows_, [&](size_t row) {
      while (run + 1 < runs_.size() && runs_[run + 1].first_row <= row) ++run;
      return runs_[run].project;
    });
    out = write_column(out, trace_id_);
    out = write_column(out, span_id_);
    out = write_column(out, parent_span_id_);
    out = write_column(out, id_);
    out = write_column(out, context_id_);
    out = write_column(out, agent_id_);
    out = write_header(out);
    out = write_words(out, {kSharedDictionariesWithAdditionalKeys});
    out = write_dictionary_column(out, action_names_, rows_, [&](size_t row) { return action_name_[row]; });
    out = write_column(out, action_type_);
    out = write_column(out, status_);
    out = write_column(out, start_);
    out = write_column(out, duration_);
    out = write_column(out, fields_);

    out = write_header(out);
    for_each_run([&](const Run& r, size_t from, size_t to) {
      for (size_t row = from; row < to; ++row) {
        const uint64_t i = row - from;
        const uint64_t seq = r.seq_base + (i >> 8 << 18) + (i & 255);
        std::memcpy(out, &seq, 8);
        out += 8;
      }
    });
    out = write_header(out);
    for_each_run([&](const Run& r, size_t from, size_t to) {
      for (size_t row = from; row < to; ++row, out += 4) std::memcpy(out, &r.received_at, 4);
    });
    for (const StringColumn& text : texts_) {
      out = write_header(out);
      out = text.write(out);
    }

    // A map is an array of pairs: the prefixes of keys and values, the ends of the rows, all keys, all
    // values.
    out = write_header(out);
    out = write_words(out, {kSharedDictionariesWithAdditionalKeys, kSharedDictionariesWithAdditionalKeys});
    std::memcpy(out, tag_ends_.data(), rows_ * sizeof(uint64_t));
    out += rows_ * sizeof(uint64_t);
    if (!tag_key_numbers_.empty()) {
      out = write_dictionary_column(out, tag_keys_, tag_key_numbers_.size(),
                                    [&](size_t i) { return tag_key_numbers_[i]; });
      out = write_dictionary_column(out, tag_values_, tag_value_numbers_.size(),
                                    [&](size_t i) { return tag_value_numbers_[i]; });
    }
    return otel_.write(out, rows_, [this](uint8_t* at) { return write_header(at); });
  }

  size_t rows_ = 0;
  size_t row_capacity_ = 0;
  mutable size_t column_ = 0;
  Mark mark_{};
  Array<Run> runs_;
  Dictionary projects_;
  Array<Uuid> trace_id_, span_id_, parent_span_id_, id_, context_id_, agent_id_;
  Dictionary action_names_;
  Array<uint32_t> action_name_;
  Array<uint8_t> action_type_, status_;
  Array<int64_t> start_, duration_;
  Array<uint32_t> fields_;
  StringColumn texts_[kTexts];  // error, metrics, parameters, output, action_duration, metadata, extra
  Array<uint64_t> tag_ends_;
  Dictionary tag_keys_;
  Array<uint32_t> tag_key_numbers_;
  Dictionary tag_values_;
  Array<uint32_t> tag_value_numbers_;
  OtelColumns otel_;
  Array<uint8_t> extra_;
};

}  // namespace mplp::MPLP_KERNEL
