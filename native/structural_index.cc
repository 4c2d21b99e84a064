#include "structural_index.h"

#include <algorithm>
#include <new>
#include <string>

#include "simdjson.h"

namespace mplp {

struct StructuralIndex::Parser {
  const simdjson::implementation* kernel;
  std::unique_ptr<simdjson::internal::dom_parser_implementation> implementation;
};

namespace {
constexpr size_t kLeastCapacity = 64 * 1024;

const simdjson::implementation* find_kernel(const char* name) {
  const simdjson::implementation* named = simdjson::get_available_implementations()[name];
  if (named != nullptr && named->supported_by_runtime_system()) return named;
  return simdjson::get_active_implementation();
}
}  // namespace

StructuralIndex::StructuralIndex(const char* instruction_set)
    : parser_(new Parser{find_kernel(instruction_set), nullptr}) {}
StructuralIndex::~StructuralIndex() = default;

IndexFault StructuralIndex::run(const uint8_t* text, size_t size) {
  auto& implementation = parser_->implementation;
  if (implementation == nullptr || implementation->capacity() < size) {
    const size_t wanted = std::max(kLeastCapacity, size);
    implementation.reset();
    const auto error =
        parser_->kernel->create_dom_parser_implementation(wanted, /*max_depth=*/1, implementation);
    if (error != simdjson::SUCCESS) {
      implementation.reset();
      throw std::bad_alloc();
    }
  }
  switch (implementation->stage1(text, size, simdjson::stage1_mode::regular)) {
    case simdjson::SUCCESS:
      // simdjson allocates room for one position a byte and nine more.
      std::fill_n(implementation->structural_indexes.get() + implementation->n_structural_indexes, kSentinels,
                  static_cast<uint32_t>(size));
      return IndexFault::none;
    case simdjson::EMPTY:
      return IndexFault::empty;
    default:
      return IndexFault::faulty;
  }
}

const uint32_t* StructuralIndex::positions() const {
  return parser_->implementation->structural_indexes.get();
}
size_t StructuralIndex::count() const { return parser_->implementation->n_structural_indexes; }

void StructuralIndex::trim(size_t keep_bytes) {
  auto& implementation = parser_->implementation;
  if (implementation != nullptr && implementation->capacity() > keep_bytes) implementation.reset();
}

bool is_utf8(const uint8_t* text, size_t size) {
  return simdjson::validate_utf8(reinterpret_cast<const char*>(text), size);
}

const char* detected_instruction_set() {
  // The active implementation resolves itself at the first use; a call makes sure that it has.
  static const bool resolved = simdjson::validate_utf8("", 0);
  (void)resolved;
  static const std::string name = simdjson::get_active_implementation()->name();
  return name.c_str();
}

}  // namespace mplp
