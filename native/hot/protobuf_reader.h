#pragma once

namespace mplp::MPLP_KERNEL {

/// Reads the wire format of Protocol Buffers. Nothing at or behind the end of the message that is being read
/// is used. Null means that the bytes break: cut off, a number of more than 64 bits, a length beyond the end,
/// a group, a reserved wire type or the field number 0.
namespace protobuf {

using Cursor = const uint8_t*;

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// The tag of a field as it stands in front of its value.
constexpr uint32_t tag_of(uint32_t field, WireType type) { return field << 3 | type; }

MPLP_NOINLINE inline Cursor read_long_varint(Cursor p, Cursor end, uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (p >= end) return nullptr;
    const uint8_t byte = *p++;
    if (shift == 63 && byte > 1) return nullptr;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return p;
  }
  return nullptr;
}

MPLP_INLINE Cursor read_varint(Cursor p, Cursor end, uint64_t& value) {
  if (MPLP_UNLIKELY(p >= end)) return nullptr;
  const uint64_t first = p[0];
  if (MPLP_LIKELY(first < 0x80)) {
    value = first;
    return p + 1;
  }
  if (end - p >= 2 && p[1] < 0x80) {
    value = (first & 0x7f) | static_cast<uint64_t>(p[1]) << 7;
    return p + 2;
  }
  return read_long_varint(p, end, value);
}

MPLP_INLINE Cursor read_tag(Cursor p, Cursor end, uint32_t& tag) {
  uint64_t value;
  p = read_varint(p, end, value);
  if (MPLP_UNLIKELY(p == nullptr || value > 0xffffffff || value < 8)) return nullptr;
  tag = static_cast<uint32_t>(value);
  return p;
}

MPLP_INLINE Cursor read_bytes(Cursor p, Cursor end, Text& bytes) {
  uint64_t size;
  p = read_varint(p, end, size);
  if (MPLP_UNLIKELY(p == nullptr || size > static_cast<uint64_t>(end - p))) return nullptr;
  bytes = {p, static_cast<size_t>(size)};
  return p + size;
}

MPLP_INLINE Cursor read_fixed64(Cursor p, Cursor end, uint64_t& value) {
  if (MPLP_UNLIKELY(end - p < 8)) return nullptr;
  value = load64(p);
  return p + 8;
}

MPLP_INLINE Cursor read_fixed32(Cursor p, Cursor end, uint32_t& value) {
  if (MPLP_UNLIKELY(end - p < 4)) return nullptr;
  value = load32(p);
  return p + 4;
}

/// The numbers of 32 bits are cut from longer ones, as every reader of the format does.
template <typename Number>
MPLP_INLINE Cursor read_number(Cursor p, Cursor end, Number& number) {
  uint64_t value;
  p = read_varint(p, end, value);
  number = static_cast<Number>(value);
  return p;
}

/// Steps over the value of a field that nobody asked for.
inline Cursor skip(uint32_t tag, Cursor p, Cursor end) {
  uint64_t number;
  Text bytes;
  switch (tag & 7) {
    case kVarint:
      return read_varint(p, end, number);
    case kFixed64:
      return end - p >= 8 ? p + 8 : nullptr;
    case kBytes:
      return read_bytes(p, end, bytes);
    case kFixed32:
      return end - p >= 4 ? p + 4 : nullptr;
    default:
      return nullptr;
  }
}

/// Calls `field(tag, p, end)` for each field of the message, which returns the position behind the value at
/// `p` or null. Returns null at the end, else the beginning of the field that broke.
template <typename Field>
MPLP_INLINE Cursor for_each_field(Text message, Field field) {
  Cursor p = message.data;
  const Cursor end = p + message.size;
  while (p < end) {
    uint32_t tag;
    Cursor next = read_tag(p, end, tag);
    if (MPLP_LIKELY(next != nullptr)) next = field(tag, next, end);
    if (MPLP_UNLIKELY(next == nullptr)) return p;
    p = next;
  }
  return nullptr;
}

template <typename Field>
MPLP_INLINE bool read_fields(Text message, Field field) {
  return for_each_field(message, field) == nullptr;
}

/// Says why the field at `p` breaks.
inline const char* fault_of_field(Cursor p, Cursor end) {
  uint64_t tag;
  const Cursor start = p;
  p = read_varint(p, end, tag);
  if (p == nullptr) return end - start < 10 ? "truncated" : "number too long";
  if (tag < 8 || tag > 0xffffffff) return "no field number";
  if ((tag & 7) == 3 || (tag & 7) == 4) return "group";
  if ((tag & 7) > 5) return "unknown wire type";
  if ((tag & 7) == kVarint && end - p >= 10) return "number too long";
  return "truncated";
}

}  // namespace protobuf
}  // namespace mplp::MPLP_KERNEL
