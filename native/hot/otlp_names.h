#pragma once

namespace mplp::MPLP_KERNEL {

/// Attributes that mean something to the mapping. The tables in docs/reference/otlp.md say what.
enum class AttributeName : uint8_t {
  other,
  agent_id,
  gen_ai_agent_id,
  service_instance_id,
  service_name,
  context_id,
  session_id,
  conversation_id,
  operation_name,
  response_model,
  request_model,
  provider_name,
  system,
  input_tokens,
  prompt_tokens,
  output_tokens,
  completion_tokens,
  cached_tokens,
  finish_reasons,
  tool_name,
};
inline constexpr size_t kAttributeNames = 20;

inline AttributeName attribute_name(Text key) {
  struct Entry {
    std::string_view text;
    AttributeName name;
  };
  static constexpr Entry kEntries[] = {
      {"mplp.agent_id", AttributeName::agent_id},
      {"gen_ai.agent.id", AttributeName::gen_ai_agent_id},
      {"service.instance.id", AttributeName::service_instance_id},
      {"service.name", AttributeName::service_name},
      {"mplp.context_id", AttributeName::context_id},
      {"session.id", AttributeName::session_id},
      {"gen_ai.conversation.id", AttributeName::conversation_id},
      {"gen_ai.operation.name", AttributeName::operation_name},
      {"gen_ai.response.model", AttributeName::response_model},
      {"gen_ai.request.model", AttributeName::request_model},
      {"gen_ai.provider.name", AttributeName::provider_name},
      {"gen_ai.system", AttributeName::system},
      {"gen_ai.usage.input_tokens", AttributeName::input_tokens},
      {"gen_ai.usage.prompt_tokens", AttributeName::prompt_tokens},
      {"gen_ai.usage.output_tokens", AttributeName::output_tokens},
      {"gen_ai.usage.completion_tokens", AttributeName::completion_tokens},
      {"gen_ai.usage.cache_read.input_tokens", AttributeName::cached_tokens},
      {"gen_ai.response.finish_reasons", AttributeName::finish_reasons},
      {"gen_ai.tool.name", AttributeName::tool_name},
  };
  for (const Entry& entry : kEntries) {
    if (entry.text.size() == key.size && std::memcmp(entry.text.data(), key.data, key.size) == 0)
      return entry.name;
  }
  return AttributeName::other;
}

/// Attribute keys that were seen before, with what is known about them: that they are UTF-8, what they mean,
/// and their number in the open block. A span's keys mostly are those of the span before it, in their order,
/// so the table is asked seldom.
class AttributeKeys {
 public:
  struct Key {
    CachedText tag;
    AttributeName name = AttributeName::other;
    uint8_t bytes[96 + kPadding];
  };

  explicit AttributeKeys(uint64_t seed) : seed_(seed) {}

  /// Forgets all keys when there is no room for new ones.
  void begin_body() {
    if (count_ == kKeys) clear();
  }

  /// The key at a place in the list of a span; null for one that is too long, not UTF-8, or one too many.
  MPLP_INLINE Key* find(Text key, size_t place) {
    if (MPLP_LIKELY(place < kPlaces)) {
      Key* const expected = expected_[place];
      if (MPLP_LIKELY(expected != nullptr && expected->tag.text.size == key.size &&
                      same_bytes(expected->bytes, key.data, key.size))) {
        return expected;
      }
    }
    return look_up(key, place);
  }

 private:
  static constexpr size_t kKeys = 1024;
  static constexpr size_t kSlots = 4096;
  static constexpr size_t kPlaces = 128;

  MPLP_NOINLINE Key* look_up(Text key, size_t place) {
    if (key.size > sizeof Key::bytes - kPadding) return nullptr;
    if (keys_ == nullptr) {
      keys_ = std::make_unique<Key[]>(kKeys);
      clear();
    }
    size_t at = hash_text(key, seed_) & (kSlots - 1);
    for (; slots_[at] != 0; at = (at + 1) & (kSlots - 1)) {
      Key& known = keys_[slots_[at] - 1];
      if (known.tag.text.size == key.size && same_bytes(known.bytes, key.data, key.size)) {
        if (place < kPlaces) expected_[place] = &known;
        return &known;
      }
    }
    if (count_ == kKeys || !is_valid_utf8(key)) return nullptr;
    Key& added = keys_[count_++];
    slots_[at] = static_cast<uint16_t>(count_);
    std::memset(added.bytes, 0, sizeof added.bytes);
    if (key.size > 0) std::memcpy(added.bytes, key.data, key.size);
    added.tag = {{added.bytes, key.size}, 0, 0};
    added.name = attribute_name(key);
    if (place < kPlaces) expected_[place] = &added;
    return &added;
  }

  void clear() {
    count_ = 0;
    std::memset(slots_, 0, sizeof slots_);
    std::memset(expected_, 0, sizeof expected_);
  }

  uint64_t seed_;
  std::unique_ptr<Key[]> keys_;
  size_t count_ = 0;
  uint16_t slots_[kSlots] = {};
  Key* expected_[kPlaces] = {};
};

/// Ids of agents and contexts from their names. A UUID is its own id.
class NameIds {
 public:
  explicit NameIds(uint64_t seed) : seed_(seed) {}

  MPLP_INLINE Uuid id_of(Text name) {
    Uuid id;
    if (name.size == 36 && read_uuid_of_any_case(name.data, id)) return id;
    if (name.size > kMaxName) return make(name);
    const uint64_t hash = hash_text(name, seed_);
    Entry& entry = entries_[hash & (kEntries - 1)];
    if (MPLP_LIKELY(entry.hash == hash && entry.size == name.size &&
                    same_bytes(entry.bytes, name.data, name.size))) {
      return entry.id;
    }
    entry.hash = hash;
    entry.size = static_cast<uint32_t>(name.size);
    if (name.size > 0) std::memcpy(entry.bytes, name.data, name.size);
    entry.id = make(name);
    return entry.id;
  }

 private:
  static constexpr size_t kMaxName = 64;
  static constexpr size_t kEntries = 256;

  struct Entry {
    uint64_t hash = 0;
    uint32_t size = 0xffffffff;
    Uuid id;
    uint8_t bytes[kMaxName + 8] = {};
  };

  static bool read_uuid_of_any_case(const uint8_t* text, Uuid& id) {
    uint8_t lower[36 + kPadding] = {};
    for (int i = 0; i < 36; ++i) {
      lower[i] = text[i] >= 'A' && text[i] <= 'F' ? static_cast<uint8_t>(text[i] | 0x20) : text[i];
    }
    return read_uuid(lower, id);
  }

  MPLP_NOINLINE static Uuid make(Text name) {
    uint8_t bytes[16 + 8];
    uint8_t uuid[16];
    name_uuid(name.data, name.size, uuid);
    std::memcpy(bytes, uuid, 16);
    return uuid_of_bytes(bytes);
  }

  uint64_t seed_;
  Entry entries_[kEntries];
};

}  // namespace mplp::MPLP_KERNEL
