"""Sends a span, reads its trace back and counts spans in SQL, with the standard library only."""

import json
import os
import pathlib
import urllib.request
import uuid
from datetime import datetime, timezone

URL = os.environ.get("MPLP_URL", "http://127.0.0.1:3000")
KEY_FILE = pathlib.Path(__file__).parent.parent / "data" / "admin-key"
KEY = os.environ.get("MPLP_ADMIN_KEY") or KEY_FILE.read_text().strip()


def call(path, body=None):
    request = urllib.request.Request(
        URL + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.read().decode()


def now():
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


trace_id = str(uuid.uuid4())
span = {
    "trace_id": trace_id,
    "span_id": str(uuid.uuid4()),
    "context_id": str(uuid.uuid4()),
    "agent_id": str(uuid.uuid4()),
    "action": {"name": "greet", "type": "execute"},
    "timestamp": {"start": now(), "end": now()},
    "result": {"status": "success", "output": {"text": "hello from Python"}},
}

# `durability=stored` waits until the span can be queried; without it the answer comes when it is safe on disk.
print(call("/v1.0/traces?durability=stored", span))
print(call(f"/v1.0/traces/{trace_id}/spans"))
print(call("/v1.0/query", {"sql": "SELECT count() AS spans FROM spans", "format": "JSONEachRow"}))
