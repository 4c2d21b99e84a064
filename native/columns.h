#pragma once

#include <cstddef>

namespace mplp {

/// One column of the Native block, with its type spelled as ClickHouse spells it.
struct ColumnKind {
  const char* name;
  const char* type;
};

/// The columns of `span_intake`, in the order of the block. `SpanBlock::take` writes them in this order.
inline constexpr ColumnKind kColumns[] = {
    {"project_id", "LowCardinality(String)"},
    {"trace_id", "UUID"},
    {"span_id", "UUID"},
    {"parent_span_id", "UUID"},
    {"id", "UUID"},
    {"context_id", "UUID"},
    {"agent_id", "UUID"},
    {"action_name", "LowCardinality(String)"},
    {"action_type", "Enum8('execute' = 1, 'invoke' = 2, 'validate' = 3, 'complete' = 4)"},
    {"status", "Enum8('unset' = 0, 'success' = 1, 'failure' = 2, 'timeout' = 3, 'cancelled' = 4)"},
    {"start_time", "DateTime64(9, 'UTC')"},
    {"duration_ns", "Int64"},
    {"fields", "UInt32"},
    {"seq", "UInt64"},
    {"received_at", "DateTime('UTC')"},
    {"error", "String"},
    {"metrics", "String"},
    {"parameters", "String"},
    {"output", "String"},
    {"action_duration", "String"},
    {"metadata", "String"},
    {"extra", "String"},
    {"tags", "Map(LowCardinality(String), LowCardinality(String))"},
    // Of OpenTelemetry spans: a block without any leaves these out.
    {"service_name", "LowCardinality(String)"},
    {"gen_ai_model", "LowCardinality(String)"},
    {"gen_ai_provider", "LowCardinality(String)"},
    {"finish_reason", "LowCardinality(String)"},
    {"tool_name", "LowCardinality(String)"},
    {"otel_resource", "LowCardinality(String)"},
    {"otel_scope", "LowCardinality(String)"},
    {"otel_shape", "LowCardinality(String)"},
    {"input_tokens", "UInt64"},
    {"output_tokens", "UInt64"},
    {"cached_tokens", "UInt64"},
};
inline constexpr size_t kOtelColumnCount = 11;
inline constexpr size_t kColumnCount = sizeof(kColumns) / sizeof(kColumns[0]);
inline constexpr size_t kPlainColumnCount = kColumnCount - kOtelColumnCount;

}  // namespace mplp
