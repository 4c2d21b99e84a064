"""Sends an agent's spans with the OpenTelemetry SDK, over OTLP/HTTP.

pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
"""

import os
import pathlib

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

URL = os.environ.get("MPLP_URL", "http://127.0.0.1:3000")
KEY_FILE = pathlib.Path(__file__).parent.parent / "data" / "admin-key"
KEY = os.environ.get("MPLP_ADMIN_KEY") or KEY_FILE.read_text().strip()

exporter = OTLPSpanExporter(
    endpoint=f"{URL}/v1/traces", headers={"Authorization": f"Bearer {KEY}"}
)
provider = TracerProvider(resource=Resource.create({"service.name": "travel-agent"}))
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("examples")

with tracer.start_as_current_span("plan trip", attributes={"session.id": "session-42"}) as root:
    with tracer.start_as_current_span("chat", kind=trace.SpanKind.CLIENT) as call:
        call.set_attribute("gen_ai.operation.name", "chat")
        call.set_attribute("gen_ai.request.model", "large-2")
        call.set_attribute("gen_ai.usage.input_tokens", 812)
        call.set_attribute("gen_ai.usage.output_tokens", 96)

provider.shutdown()
print(f"trace {root.get_span_context().trace_id:032x}")
