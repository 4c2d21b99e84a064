#pragma once

#include <cstddef>
#include <cstdint>

namespace mplp {

/// The 16 bytes of the UUID (RFC 9562, version 5) of a name, in the one namespace that agents and contexts of
/// OpenTelemetry spans share: 4d504c50-4f54-4c50-8000-6e616d657370. Stored ids come from it, so it must never
/// change.
void name_uuid(const uint8_t* name, size_t size, uint8_t (&uuid)[16]);

}  // namespace mplp
