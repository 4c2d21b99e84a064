#!/usr/bin/env bash
# Sends a span, reads its trace back and counts spans in SQL.
set -euo pipefail
url="${MPLP_URL:-http://127.0.0.1:3000}"
key="${MPLP_ADMIN_KEY:-$(cat "$(dirname "$0")/../data/admin-key")}"
uuid() { python3 -c 'import uuid; print(uuid.uuid4())'; }
now() { date -u +%Y-%m-%dT%H:%M:%S.000Z; }
trace="$(uuid)"
auth="Authorization: Bearer $key"

# `durability=stored` waits until the span can be queried; without it the answer comes when it is safe on disk.
curl -sS --fail-with-body "$url/v1.0/traces?durability=stored" -H "$auth" -H 'Content-Type: application/json' -d '{
  "trace_id": "'"$trace"'",
  "span_id": "'"$(uuid)"'",
  "context_id": "'"$(uuid)"'",
  "agent_id": "'"$(uuid)"'",
  "action": { "name": "greet", "type": "execute" },
  "timestamp": { "start": "'"$(now)"'", "end": "'"$(now)"'" },
  "result": { "status": "success", "output": { "text": "hello from curl" } }
}'
echo
curl -sS --fail-with-body "$url/v1.0/traces/$trace/spans" -H "$auth"
echo
curl -sS --fail-with-body "$url/v1.0/query" -H "$auth" -H 'Content-Type: application/json' \
  -d '{ "sql": "SELECT count() AS spans FROM spans", "format": "JSONEachRow" }'
