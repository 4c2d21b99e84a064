import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { expect, it } from 'vitest';
import { startEngine } from '../support/engine-process.js';

/**
 * The official OpenTelemetry SDK as applications use it, while the engine is killed and stopped and comes back on the
 * same ports with the same data.
 */

const KEY = 'the-admin-key-of-the-client-tests';
const TRACES = 400;
const CHILDREN = 2;
const SUCCESS = 0;

type Addresses = { readonly http: string; readonly grpc: string };

const exporters: Readonly<Record<string, (to: Addresses) => SpanExporter>> = {
  'http/protobuf': ({ http }) =>
    new ProtoExporter({
      url: `${http}/v1/traces`,
      headers: { authorization: `Bearer ${KEY}` },
      timeoutMillis: 60_000,
    }),
  'http/json': ({ http }) =>
    new JsonExporter({ url: `${http}/v1/traces`, headers: { 'x-api-key': KEY }, timeoutMillis: 60_000 }),
  grpc: ({ grpc }) => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${KEY}`);
    return resending(new GrpcExporter({ url: `http://${grpc}`, metadata, timeoutMillis: 60_000 }));
  },
};

/**
 * OTLP asks clients to send again after UNAVAILABLE. The HTTP exporters of the JavaScript SDK do; its gRPC exporter
 * hands the failure on, so that it is for the application to do it.
 */
function resending(exporter: SpanExporter): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const code = (result.error as { code?: number } | undefined)?.code;
        if (result.code === SUCCESS || code !== 14) done(result);
        else void delay(250).then(() => this.export(spans, done));
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

it.each(Object.keys(exporters))(
  '%s: nothing is lost or doubled while the engine is killed and restarted',
  { timeout: 120_000 },
  async (name) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'mplp-otlp-'));
    const ports = { http: await freePort(), grpc: await freePort() };
    const start = () =>
      startEngine(
        { MPLP_ADMIN_KEY: KEY, MPLP_OTLP_HTTP_PORT: ports.http, MPLP_OTLP_GRPC_PORT: ports.grpc },
        dataDir,
      );
    let engine = await start();
    const makeExporter = exporters[name] as (to: Addresses) => SpanExporter;
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': 'checkout' }),
      spanProcessors: [
        new BatchSpanProcessor(
          makeExporter({ http: `http://127.0.0.1:${ports.http}`, grpc: `127.0.0.1:${ports.grpc}` }),
          {
            maxExportBatchSize: 64,
            maxQueueSize: 100_000,
            scheduledDelayMillis: 20,
            exportTimeoutMillis: 60_000,
          },
        ),
      ],
    });
    const sent = new Set<string>();
    try {
      const tracer = provider.getTracer('tests', '1.0');
      let restarting: Promise<void> | undefined;
      for (let i = 0; i < TRACES; i++) {
        const root = tracer.startSpan(`order ${i}`, { kind: SpanKind.SERVER });
        sent.add(root.spanContext().spanId);
        const inside = trace.setSpan(context.active(), root);
        for (let k = 0; k < CHILDREN; k++) {
          const child = tracer.startSpan(
            'ask model',
            { attributes: { 'gen_ai.request.model': 'm', step: k } },
            inside,
          );
          sent.add(child.spanContext().spanId);
          child.end();
        }
        if (i % 10 === 0) root.setStatus({ code: SpanStatusCode.ERROR, message: 'out of stock' });
        root.end();
        if (i === TRACES / 4) restarting = engine.kill().then(async () => void (engine = await start()));
        if (i === (TRACES * 3) / 4) {
          await restarting;
          restarting = engine.close().then(async () => void (engine = await start()));
        }
        await delay(5);
      }
      await restarting;
      await provider.forceFlush();

      const stored = async (): Promise<{ spans: string; ids: string }> => {
        const response = await fetch(`${engine.url}/v1.0/query`, {
          method: 'POST',
          headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            sql: 'SELECT toString(count()) AS spans, toString(uniqExact(span_id)) AS ids FROM spans',
            format: 'JSONEachRow',
          }),
        });
        return JSON.parse(await response.text()) as { spans: string; ids: string };
      };
      const all = String(TRACES * (CHILDREN + 1));
      expect(String(sent.size)).toBe(all);
      await expect.poll(stored, { timeout: 20_000, interval: 200 }).toEqual({ spans: all, ids: all });
      // Not one row more turns up later: a batch that was sent again would.
      await delay(1_000);
      expect(await stored()).toEqual({ spans: all, ids: all });
    } finally {
      await provider.shutdown().catch(() => undefined);
      await engine.close();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
);
