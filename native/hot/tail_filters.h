#pragma once

namespace mplp::MPLP_KERNEL {

/// Which live-tail filters a span matches. `begin_body` keeps those of the body's project; when there is
/// none, no span is looked at.
class TailFilters {
 public:
  void set(std::vector<TailFilter> filters, uint32_t max_matches) {
    filters_.clear();
    max_matches_ = max_matches;
    for (TailFilter& given : filters) {
      Compiled filter;
      filter.project_id = std::move(given.project_id);
      filter.action = std::move(given.action);
      filter.any_agent = !given.agent_id.has_value();
      filter.any_context = !given.context_id.has_value();
      filter.any_status = !given.status.has_value();
      // A value that no span can have makes a filter that nothing matches.
      filter.possible = (filter.any_agent || parse_id(*given.agent_id, filter.agent_id)) &&
                        (filter.any_context || parse_id(*given.context_id, filter.context_id)) &&
                        (filter.any_status || parse_status(*given.status, filter.status));
      filters_.push_back(std::move(filter));
    }
  }

  size_t size() const { return filters_.size(); }

  void begin_body(std::string_view project) {
    active_ = 0;
    for (size_t i = 0; i < filters_.size(); ++i) {
      if (filters_[i].possible && filters_[i].project_id == project) active_ |= 1u << i;
    }
  }

  MPLP_INLINE void match(const SpanFields& f, size_t begin, size_t end, DecodeResult& result) const {
    if (MPLP_UNLIKELY(active_ != 0)) match_active(f, begin, end, result);
  }

 private:
  struct Compiled {
    std::string project_id;
    std::optional<std::string> action;
    Uuid agent_id;
    Uuid context_id;
    uint8_t status = 0;
    bool any_agent = true;
    bool any_context = true;
    bool any_status = true;
    bool possible = true;
  };

  static bool parse_id(const std::string& text, Uuid& id) {
    uint8_t padded[36 + kPadding] = {};
    if (text.size() != 36) return false;
    std::memcpy(padded, text.data(), 36);
    return read_uuid(padded, id);
  }

  static bool parse_status(const std::string& text, uint8_t& status) {
    if (text == "unset") {
      status = 0;
      return true;
    }
    return read_status({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, status);
  }

  MPLP_NOINLINE void match_active(const SpanFields& f, size_t begin, size_t end, DecodeResult& result) const {
    uint32_t mask = 0;
    for (uint32_t left = active_; left != 0; left &= left - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(left));
      const Compiled& filter = filters_[i];
      const bool matches =
          (filter.any_agent || filter.agent_id == f.agent_id) &&
          (filter.any_context || filter.context_id == f.context_id) &&
          (filter.any_status || filter.status == f.status) &&
          (!filter.action.has_value() ||
           *filter.action ==
               std::string_view(reinterpret_cast<const char*>(f.action_name.data), f.action_name.size));
      if (matches) mask |= 1u << i;
    }
    if (mask == 0) return;
    if (result.matches.size() / 3 < max_matches_) {
      result.matches.push_back(mask);
      result.matches.push_back(static_cast<uint32_t>(begin));
      result.matches.push_back(static_cast<uint32_t>(end));
      return;
    }
    if (result.matches_dropped.empty()) result.matches_dropped.resize(filters_.size());
    for (; mask != 0; mask &= mask - 1)
      ++result.matches_dropped[static_cast<unsigned>(std::countr_zero(mask))];
  }

  std::vector<Compiled> filters_;
  uint32_t active_ = 0;
  uint32_t max_matches_ = 0;
};

}  // namespace mplp::MPLP_KERNEL
