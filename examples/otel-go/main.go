// Sends an agent's spans with the OpenTelemetry SDK, over OTLP/gRPC. Run it with `go run .`.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func adminKey() string {
	if key := os.Getenv("MPLP_ADMIN_KEY"); key != "" {
		return key
	}
	key, err := os.ReadFile("../../data/admin-key")
	if err != nil {
		log.Fatal(err)
	}
	return strings.TrimSpace(string(key))
}

func main() {
	ctx := context.Background()
	exporter, err := otlptracegrpc.New(ctx,
		otlptracegrpc.WithEndpoint(cmp.Or(os.Getenv("MPLP_OTLP_GRPC"), "127.0.0.1:4317")),
		otlptracegrpc.WithInsecure(),
		otlptracegrpc.WithHeaders(map[string]string{"authorization": "Bearer " + adminKey()}),
		otlptracegrpc.WithCompressor("gzip"),
	)
	if err != nil {
		log.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "travel-agent"))),
	)
	tracer := provider.Tracer("examples")

	ctx, root := tracer.Start(ctx, "plan trip", trace.WithAttributes(attribute.String("session.id", "session-42")))
	_, call := tracer.Start(ctx, "chat", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("gen_ai.operation.name", "chat"),
		attribute.String("gen_ai.request.model", "large-2"),
		attribute.Int("gen_ai.usage.input_tokens", 812),
		attribute.Int("gen_ai.usage.output_tokens", 96),
	))
	call.End()
	root.End()

	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("trace", root.SpanContext().TraceID())
}
