// The only file that knows Node. It unpacks arguments, calls the decoders, and packs results; it holds no
// rules.
#include <napi.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "columns.h"
#include "span_decoder.h"

namespace {

struct Bytes {
  uint8_t* data;
  size_t size;
};

/// The memory behind a Uint8Array, also one over a SharedArrayBuffer.
Bytes bytes_of(const Napi::Value& value, const char* name) {
  napi_typedarray_type type;
  size_t size = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(value.Env(), value, &type, &size, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_uint8_array) {
    throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a Uint8Array");
  }
  return {static_cast<uint8_t*>(data), size};
}

/// The first argument, cut to the length that the second one gives.
Bytes body_of(const Napi::CallbackInfo& info, size_t& readable) {
  const Bytes bytes = bytes_of(info[0], "body");
  double length = -1;
  napi_get_value_double(info.Env(), info[1], &length);
  if (!(length >= 0 && length <= static_cast<double>(std::min(bytes.size, mplp::kMaxBodyBytes)))) {
    throw Napi::RangeError::New(info.Env(), "length must lie in the body, and below 4 GiB");
  }
  readable = bytes.size;
  return {bytes.data, static_cast<size_t>(length)};
}

/// Numbers that go in and out of a decoder lie in memory that both sides see, one slot of 8 bytes each: for a
/// body of one span, properties of objects would cost several times what the decoding does.
enum Slot : size_t {
  kSeqBase,            // in, unsigned 64 bit integer
  kMinTimeUnixNano,    // in, signed 64 bit integer
  kMaxTimeUnixNano,    // in, signed 64 bit integer
  kReceivedAtSeconds,  // in, double, as are all that follow
  kMaxSpanBytes,       // in
  kTotal,              // out
  kAccepted,           // out
  kRefused,            // out, numbers that `refused()` returns
  kMatches,            // out, numbers that `matches()` returns
  kMatchesDropped,     // out, numbers that `matchesDropped()` returns
  kMalformed,          // out, 1 when `reason()` has a phrase
  kMalformedOffset,    // out
  kRows,               // out of `take`
  kBytes,              // out of `take`
  kCrc32c,             // out of `take`
  kSlots,
};

constexpr const char* kSlotNames[kSlots] = {
    "seqBase",  "minTimeUnixNano", "maxTimeUnixNano", "receivedAtSeconds", "maxSpanBytes", "total",
    "accepted", "refused",         "matches",         "matchesDropped",    "malformed",    "malformedOffset",
    "rows",     "bytes",           "crc32c",
};

std::optional<std::string> optional_text(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return std::nullopt;
  if (!value.IsString()) throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

class SpanDecoder : public Napi::ObjectWrap<SpanDecoder> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "SpanDecoder",
        {InstanceMethod<&SpanDecoder::set_project>("setProject"),
         InstanceMethod<&SpanDecoder::decode>("decode"), InstanceMethod<&SpanDecoder::refused>("refused"),
         InstanceMethod<&SpanDecoder::matches>("matches"),
         InstanceMethod<&SpanDecoder::matches_dropped>("matchesDropped"),
         InstanceMethod<&SpanDecoder::reason>("reason"), InstanceMethod<&SpanDecoder::rows>("rows"),
         InstanceMethod<&SpanDecoder::max_block_bytes>("maxBlockBytes"),
         InstanceMethod<&SpanDecoder::take>("take"), InstanceMethod<&SpanDecoder::discard>("discard"),
         InstanceMethod<&SpanDecoder::set_tail_filters>("setTailFilters")});
  }

  explicit SpanDecoder(const Napi::CallbackInfo& info)
      : ObjectWrap(info), decoder_(mplp::active_kernel().create_span_decoder()) {
    auto exchange = Napi::ArrayBuffer::New(info.Env(), kSlots * 8);
    slots_ = static_cast<uint8_t*>(exchange.Data());
    exchange_ = Napi::Persistent(exchange);
    info.This().As<Napi::Object>().Set("exchange", exchange);
    // So that the collector knows that an object of a few words holds buffers.
    Napi::MemoryManagement::AdjustExternalMemory(info.Env(), kTypicalBytes);
  }

  ~SpanDecoder() override { Napi::MemoryManagement::AdjustExternalMemory(Env(), -kTypicalBytes); }

 private:
  static constexpr int64_t kTypicalBytes = 1 << 20;

  template <typename T>
  T get(Slot slot) const {
    T value;
    std::memcpy(&value, slots_ + slot * 8, 8);
    return value;
  }
  void put(Slot slot, double value) { std::memcpy(slots_ + slot * 8, &value, 8); }

  static uint64_t whole(double value, double max) {
    return value >= 0 ? static_cast<uint64_t>(std::min(value, max)) : 0;
  }

  void set_project(const Napi::CallbackInfo& info) { project_ = info[0].ToString().Utf8Value(); }

  /// decode(body, length, form), form by its place in `mplp::BodyForm`.
  void decode(const Napi::CallbackInfo& info) {
    size_t readable;
    const Bytes body = body_of(info, readable);
    uint32_t form = mplp::kBodyForms;
    napi_get_value_uint32(info.Env(), info[2], &form);
    if (form >= mplp::kBodyForms)
      throw Napi::TypeError::New(info.Env(),
                                 "form must be json, ndjson, msgpack, otlp-protobuf or otlp-json");
    mplp::DecodeOptions options;
    options.project_id = project_;
    options.seq_base = get<uint64_t>(kSeqBase);
    options.min_time_unix_nano = get<int64_t>(kMinTimeUnixNano);
    options.max_time_unix_nano = get<int64_t>(kMaxTimeUnixNano);
    options.received_at_seconds = static_cast<uint32_t>(whole(get<double>(kReceivedAtSeconds), 0xffffffffu));
    options.max_span_bytes = whole(get<double>(kMaxSpanBytes), 9007199254740991.0);
    try {
      decoder_->decode(body.data, body.size, readable, static_cast<mplp::BodyForm>(form), options, result_);
    } catch (const std::bad_alloc&) {
      throw Napi::RangeError::New(info.Env(), "out of memory while decoding");
    }
    put(kTotal, result_.total);
    put(kAccepted, result_.accepted);
    put(kRefused, static_cast<double>(result_.refused.size()));
    put(kMatches, static_cast<double>(result_.matches.size()));
    put(kMatchesDropped, static_cast<double>(result_.matches_dropped.size()));
    put(kMalformed, result_.malformed.reason == nullptr ? 0 : 1);
    put(kMalformedOffset, static_cast<double>(result_.malformed.offset));
  }

  static Napi::Value pack(Napi::Env env, std::vector<uint32_t>& numbers) {
    auto packed = Napi::Uint32Array::New(env, numbers.size());
    std::copy(numbers.begin(), numbers.end(), packed.Data());
    // A body of junk must not keep its memory.
    constexpr size_t kKeptNumbers = 4096;
    if (numbers.capacity() > kKeptNumbers) std::vector<uint32_t>().swap(numbers);
    return packed;
  }
  Napi::Value refused(const Napi::CallbackInfo& info) { return pack(info.Env(), result_.refused); }
  Napi::Value matches(const Napi::CallbackInfo& info) { return pack(info.Env(), result_.matches); }
  Napi::Value matches_dropped(const Napi::CallbackInfo& info) {
    return pack(info.Env(), result_.matches_dropped);
  }
  Napi::Value reason(const Napi::CallbackInfo& info) {
    const char* reason = result_.malformed.reason;
    return Napi::String::New(info.Env(), reason == nullptr ? "" : reason);
  }

  Napi::Value rows(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(decoder_->rows()));
  }

  Napi::Value max_block_bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(decoder_->max_block_bytes()));
  }

  void take(const Napi::CallbackInfo& info) {
    const Bytes into = bytes_of(info[0], "into");
    if (into.size < decoder_->max_block_bytes()) {
      throw Napi::RangeError::New(info.Env(), "the buffer is smaller than maxBlockBytes");
    }
    const mplp::Block block = decoder_->take(into.data);
    put(kRows, static_cast<double>(block.rows));
    put(kBytes, static_cast<double>(block.bytes));
    put(kCrc32c, block.crc32c);
  }

  void discard(const Napi::CallbackInfo&) { decoder_->discard(); }

  void set_tail_filters(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (!info[0].IsArray()) throw Napi::TypeError::New(env, "filters must be an array");
    const auto given = info[0].As<Napi::Array>();
    if (given.Length() > 32) throw Napi::RangeError::New(env, "at most 32 filters");
    std::vector<mplp::TailFilter> filters;
    for (uint32_t i = 0; i < given.Length(); ++i) {
      const Napi::Value item = given[i];
      if (!item.IsObject()) throw Napi::TypeError::New(env, "a filter must be an object");
      const auto filter = item.As<Napi::Object>();
      filters.push_back({optional_text(filter, "projectId").value_or(""), optional_text(filter, "agentId"),
                         optional_text(filter, "contextId"), optional_text(filter, "action"),
                         optional_text(filter, "status")});
    }
    uint32_t max_matches = 0;
    napi_get_value_uint32(env, info[1], &max_matches);
    decoder_->set_tail_filters(std::move(filters), max_matches);
  }

  std::unique_ptr<mplp::SpanDecoder> decoder_;
  mplp::DecodeResult result_;
  std::string project_;
  Napi::Reference<Napi::ArrayBuffer> exchange_;
  uint8_t* slots_ = nullptr;
};

/// What one instance of the addon keeps: each thread of Node has its own.
struct Instance {
  Napi::FunctionReference span_decoder;
};

Napi::Value create_span_decoder(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<Instance>()->span_decoder.New({});
}

Napi::Value content_hash(const Napi::CallbackInfo& info) {
  size_t readable;
  const Bytes body = body_of(info, readable);
  const mplp::Hash128 hash = mplp::active_kernel().content_hash(body.data, body.size);
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(hash.high),
                static_cast<unsigned long long>(hash.low));
  return Napi::String::New(info.Env(), text, 32);
}

Napi::Value crc32c(const Napi::CallbackInfo& info) {
  const Bytes bytes = bytes_of(info[0], "bytes");
  uint32_t seed = 0;
  if (!info[1].IsUndefined()) napi_get_value_uint32(info.Env(), info[1], &seed);
  return Napi::Number::New(info.Env(), mplp::active_kernel().crc32c(bytes.data, bytes.size, seed));
}

/// copyBytes(target, offset, source): V8 copies into shared memory byte by byte; nobody else touches these
/// bytes.
void copy_bytes(const Napi::CallbackInfo& info) {
  const Bytes target = bytes_of(info[0], "target");
  const Bytes source = bytes_of(info[2], "source");
  double offset = -1;
  napi_get_value_double(info.Env(), info[1], &offset);
  if (!(offset >= 0 && offset <= static_cast<double>(target.size)) ||
      source.size > target.size - static_cast<size_t>(offset)) {
    throw Napi::RangeError::New(info.Env(), "the source does not fit");
  }
  if (source.size > 0) std::memcpy(target.data + static_cast<size_t>(offset), source.data, source.size);
}

Napi::Array slots(Napi::Env env) {
  auto list = Napi::Array::New(env, kSlots);
  for (uint32_t i = 0; i < kSlots; ++i) list.Set(i, kSlotNames[i]);
  return list;
}

Napi::Array columns(Napi::Env env) {
  auto list = Napi::Array::New(env, mplp::kColumnCount);
  for (uint32_t i = 0; i < mplp::kColumnCount; ++i) {
    auto pair = Napi::Array::New(env, 2);
    pair.Set(0u, mplp::kColumns[i].name);
    pair.Set(1u, mplp::kColumns[i].type);
    pair.Freeze();
    list.Set(i, pair);
  }
  list.Freeze();
  return list;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto* instance = new Instance;
  instance->span_decoder = Napi::Persistent(SpanDecoder::define(env));
  env.SetInstanceData(instance);
  exports.Set("createSpanDecoder", Napi::Function::New<create_span_decoder>(env, "createSpanDecoder"));
  exports.Set("contentHash", Napi::Function::New<content_hash>(env, "contentHash"));
  exports.Set("copyBytes", Napi::Function::New<copy_bytes>(env, "copyBytes"));
  exports.Set("crc32c", Napi::Function::New<crc32c>(env, "crc32c"));
  exports.Set("instructionSet", mplp::active_kernel().name);
  exports.Set("columns", columns(env));
  exports.Set("slots", slots(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(mplp, initialize)
