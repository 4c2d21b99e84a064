#pragma once

namespace mplp::MPLP_KERNEL {

/// Where both decoders hand over what they read: judges the rules that a span's parts cannot tell alone,
/// appends valid spans to the block, and lists refused ones.
class SpanSink {
 public:
  explicit SpanSink(uint64_t seed) : block_(seed) {}

  SpanBlock& block() { return block_; }
  const SpanBlock& block() const { return block_; }
  TailFilters& filters() { return filters_; }
  uint64_t max_span_bytes() const { return max_span_bytes_; }

  void begin_body(const DecodeOptions& options, DecodeResult& result) {
    result_ = &result;
    result.clear();
    min_time_ = options.min_time_unix_nano;
    max_time_ = options.max_time_unix_nano;
    max_span_bytes_ = options.max_span_bytes;
    const auto* project = reinterpret_cast<const uint8_t*>(options.project_id.data());
    project_.truncate(0);
    project_.reserve(options.project_id.size());
    if (!options.project_id.empty()) std::memcpy(project_.data(), project, options.project_id.size());
    project_.set_size(options.project_id.size());
    filters_.begin_body(options.project_id);
    block_.begin_body({project_.data(), project_.size()}, options.seq_base, options.received_at_seconds);
  }

  void end_body() { block_.end_body(); }

  /// Takes the body back as a whole.
  void malformed(const Malformed& fault) {
    block_.roll_back();
    const Malformed kept = fault;
    result_->clear();
    result_->malformed = kept;
  }

  /// Counts a span of the body and appends it, when it keeps the rules; false, with nothing changed, when
  /// not.
  MPLP_INLINE bool accept(SpanFields& f, size_t begin, size_t end) {
    if (end - begin > max_span_bytes_ || (f.present & kRequiredFields) != kRequiredFields) return false;
    int64_t start, duration = -1;
    if (!to_unix_nano(f.start, start) || start < min_time_ || start > max_time_) return false;
    if (f.present & kEnd) {
      int64_t finish;
      if (!to_unix_nano(f.end, finish) || finish < min_time_ || finish > max_time_ || finish < start)
        return false;
      duration = static_cast<int64_t>(static_cast<uint64_t>(finish) - static_cast<uint64_t>(start));
    }
    block_.append(f, start, duration);
    filters_.match(f, begin, end, *result_);
    ++result_->total;
    ++result_->accepted;
    return true;
  }

  /// Counts a span of the body as refused.
  MPLP_NOINLINE void refuse(size_t begin, size_t end) {
    const uint32_t index = result_->total++;
    if (result_->refused.size() >= kMaxListedRefusals * 3) return;
    result_->refused.push_back(index);
    result_->refused.push_back(static_cast<uint32_t>(begin));
    result_->refused.push_back(static_cast<uint32_t>(end));
  }

 private:
  SpanBlock block_;
  TailFilters filters_;
  DecodeResult* result_ = nullptr;
  int64_t min_time_ = 0;
  int64_t max_time_ = 0;
  uint64_t max_span_bytes_ = 0;
  Array<uint8_t> project_;
};

}  // namespace mplp::MPLP_KERNEL
