#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the addon sees of the decoders: plain data in, plain data out. No file but addon.cc knows Node.
namespace mplp {

enum class BodyForm : uint8_t { json, ndjson, msgpack, otlp_protobuf, otlp_json };
inline constexpr uint32_t kBodyForms = 5;

struct DecodeOptions {
  std::string_view project_id;
  uint64_t seq_base = 0;
  uint32_t received_at_seconds = 0;
  int64_t min_time_unix_nano = 0;
  int64_t max_time_unix_nano = 0;
  uint64_t max_span_bytes = 0;
};

struct Malformed {
  size_t offset = 0;
  /// A short plain phrase; null when the body can be read.
  const char* reason = nullptr;
};

/// More refused spans than this are counted but not listed, so that a body of junk cannot fill the memory.
inline constexpr size_t kMaxListedRefusals = 65536;

struct DecodeResult {
  uint32_t total = 0;
  uint32_t accepted = 0;
  Malformed malformed;
  /// Triples: index in the body, byte start, byte end.
  std::vector<uint32_t> refused;
  /// Triples: bit mask of tail filters, byte start, byte end.
  std::vector<uint32_t> matches;
  std::vector<uint32_t> matches_dropped;

  void clear() {
    total = accepted = 0;
    malformed = {};
    refused.clear();
    matches.clear();
    matches_dropped.clear();
  }
};

struct TailFilter {
  std::string project_id;
  std::optional<std::string> agent_id;
  std::optional<std::string> context_id;
  std::optional<std::string> action;
  std::optional<std::string> status;
};

struct Block {
  size_t rows = 0;
  size_t bytes = 0;
  uint32_t crc32c = 0;
};

/// Largest body: offsets are 32 bit numbers.
inline constexpr size_t kMaxBodyBytes = 0xffffff00;
/// Bytes behind a body that the decoders may read (never use): vector loads overshoot.
inline constexpr size_t kPadding = 64;

/// Decodes span bodies into one open Native block.
class SpanDecoder {
 public:
  virtual ~SpanDecoder() = default;
  /// `readable` is the number of bytes that may be read from `body`; at least `length`.
  /// Throws std::bad_alloc; then nothing of the body is in the block.
  virtual void decode(const uint8_t* body, size_t length, size_t readable, BodyForm form,
                      const DecodeOptions& options, DecodeResult& result) = 0;
  virtual size_t rows() const = 0;
  virtual size_t max_block_bytes() const = 0;
  /// `capacity` must be at least `max_block_bytes()`.
  virtual Block take(uint8_t* into) = 0;
  virtual void discard() = 0;
  virtual void set_tail_filters(std::vector<TailFilter> filters, uint32_t max_matches_per_body) = 0;
};

struct Hash128 {
  uint64_t high;
  uint64_t low;
};

/// The hot code, compiled for one instruction set.
struct Kernel {
  const char* name;
  std::unique_ptr<SpanDecoder> (*create_span_decoder)();
  uint32_t (*crc32c)(const uint8_t* data, size_t size, uint32_t seed);
  Hash128 (*content_hash)(const uint8_t* data, size_t size);
};

/// The kernel for this processor.
const Kernel& active_kernel();
/// Kernels that this processor can run, best first.
std::vector<const Kernel*> usable_kernels();

}  // namespace mplp
