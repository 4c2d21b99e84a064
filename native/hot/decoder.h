#pragma once

namespace mplp::MPLP_KERNEL {

class Decoder final : public SpanDecoder {
 public:
  Decoder() : Decoder(std::random_device{}) {}

  void decode(const uint8_t* body, size_t length, size_t readable, BodyForm form,
              const DecodeOptions& options, DecodeResult& result) override {
    sink_.begin_body(options, result);
    try {
      if (readable < length + kPadding) body = padded_copy(body, length);
      switch (form) {
        case BodyForm::json:
          json_.read_document(body, length);
          break;
        case BodyForm::ndjson:
          json_.read_lines(body, length);
          break;
        case BodyForm::msgpack:
          msgpack_.read_body(body, length);
          break;
        case BodyForm::otlp_protobuf:
          otlp_protobuf_.read_body(body, length);
          break;
        case BodyForm::otlp_json:
          otlp_json_.read_body(body, length);
          break;
      }
    } catch (...) {
      sink_.block().roll_back();
      throw;
    }
    sink_.end_body();
    if (length > kLargeBody) release();
  }

  size_t rows() const override { return sink_.block().rows(); }
  size_t max_block_bytes() const override { return sink_.block().max_bytes(); }
  Block take(uint8_t* into) override { return sink_.block().take(into); }
  void discard() override { sink_.block().discard(); }
  void set_tail_filters(std::vector<TailFilter> filters, uint32_t max_matches_per_body) override {
    sink_.filters().set(std::move(filters), max_matches_per_body);
  }

 private:
  static constexpr size_t kLargeBody = size_t{1} << 20;

  explicit Decoder(std::random_device&& random) : Decoder(uint64_t{random()} << 32 | random()) {}
  explicit Decoder(uint64_t seed)
      : sink_(seed),
        json_(sink_, MPLP_STRING(MPLP_KERNEL), seed),
        msgpack_(sink_, seed),
        otlp_span_(seed),
        otlp_protobuf_(sink_, otlp_span_),
        otlp_json_(sink_, otlp_span_, MPLP_STRING(MPLP_KERNEL), seed) {}

  const uint8_t* padded_copy(const uint8_t* body, size_t length) {
    copy_.truncate(0);
    copy_.reserve(length);
    if (length > 0) std::memcpy(copy_.data(), body, length);
    return copy_.data();
  }

  void release() {
    copy_.reset(kKeepBytes);
    json_.release();
    msgpack_.release();
    otlp_span_.release();
    otlp_protobuf_.release();
    otlp_json_.release();
  }

  SpanSink sink_;
  JsonDecoder json_;
  MsgpackDecoder msgpack_;
  OtlpSpan otlp_span_;
  OtlpProtobufDecoder otlp_protobuf_;
  OtlpJsonDecoder otlp_json_;
  Array<uint8_t> copy_;
};

inline std::unique_ptr<SpanDecoder> create_span_decoder() { return std::make_unique<Decoder>(); }

}  // namespace mplp::MPLP_KERNEL
