// For benchmarks only: simdjson's DOM parser over a body, with nothing done. It is part of the floor that the
// engine's cost per span is compared with.
#include <napi.h>

#include <string>

#include "simdjson.h"

namespace {

/// parseOnly(body, length, form): number of documents parsed. `body` needs 64 bytes of slack behind `length`.
Napi::Value parse_only(const Napi::CallbackInfo& info) {
  static thread_local simdjson::dom::parser parser;
  napi_typedarray_type type;
  size_t size = 0;
  void* data = nullptr;
  int64_t length = 0;
  if (napi_get_typedarray_info(info.Env(), info[0], &type, &size, &data, nullptr, nullptr) != napi_ok ||
      napi_get_value_int64(info.Env(), info[1], &length) != napi_ok || length < 0 ||
      size < static_cast<size_t>(length) + simdjson::SIMDJSON_PADDING) {
    throw Napi::RangeError::New(info.Env(), "the body needs 64 bytes of slack");
  }
  const auto* text = static_cast<const uint8_t*>(data);
  const auto bytes = static_cast<size_t>(length);
  double documents = 0;
  simdjson::error_code error = simdjson::SUCCESS;
  if (info[2].As<Napi::String>().Utf8Value() == "ndjson") {
    simdjson::dom::document_stream stream;
    error = parser.parse_many(text, bytes, 1 << 20).get(stream);
    for (auto document : stream) {
      if (document.error() != simdjson::SUCCESS) error = document.error();
      ++documents;
    }
  } else {
    simdjson::dom::element root;
    error = parser.parse(text, bytes, /*realloc_if_needed=*/false).get(root);
    simdjson::dom::array array;
    documents = error == simdjson::SUCCESS && root.get(array) == simdjson::SUCCESS
                    ? static_cast<double>(array.size())
                    : 1;
  }
  if (error != simdjson::SUCCESS) throw Napi::Error::New(info.Env(), simdjson::error_message(error));
  return Napi::Number::New(info.Env(), documents);
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("parseOnly", Napi::Function::New<parse_only>(env, "parseOnly"));
  return exports;
}

}  // namespace

NODE_API_MODULE(mplp_floor, initialize)
