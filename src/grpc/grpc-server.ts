import {
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  status as grpcStatus,
  type Metadata,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { MplpError } from '../errors/index.js';
import type { Logger } from '../observability/log.js';
import type { GrpcMetrics } from '../observability/metrics.js';
import { failureOf } from '../otlp/index.js';
import { tokenOf, type Authorizer } from '../security/index.js';
import type { Intake } from '../traces/intake/index.js';
import {
  callStatusOf,
  createExportHandler,
  traceServiceDefinition,
  type CallStatus,
} from './trace-service.js';

/** Calls that one connection may have under way: each holds its message in memory before the intake sees it. */
const MAX_CONCURRENT_CALLS = 32;
const METHOD = 'TraceService/Export';

export interface GrpcServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Largest message, before and after decompression. */
  readonly maxMessageBytes: number;
  readonly intake: Intake;
  readonly authorizer: Authorizer;
  readonly metrics: GrpcMetrics;
  readonly log: Logger;
}

export interface GrpcServer {
  readonly port: number;
  /** `host:port`, as gRPC clients are told. */
  readonly address: string;
  /** Takes no more calls and waits for those under way, at most `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  /** Ends what is left. Idempotent. */
  close(): Promise<void>;
}

/** @throws MplpError MPLP_ERR_CONFIG_INVALID when the address cannot be listened on. */
export async function createGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { intake, authorizer, metrics, log } = options;

  const admit = (metadata: Metadata): ReturnType<Authorizer['authorize']> => {
    const read = (name: string): string => String(metadata.get(name)[0] ?? '');
    const token = tokenOf(read('authorization'), read('x-api-key'));
    return authorizer.authorize({ token }, 'traces:write');
  };
  const fail = (error: unknown, startedMs: number): CallStatus => {
    if (!(error instanceof MplpError)) log.error({ err: error, method: METHOD }, 'a gRPC call failed');
    const status = callStatusOf(failureOf(error));
    metrics.observe(METHOD, grpcStatus[status.code] ?? 'UNKNOWN', performance.now() - startedMs);
    return status;
  };
  const done = (startedMs: number): void => metrics.observe(METHOD, 'OK', performance.now() - startedMs);

  /** Refuses a call by its metadata, so that a message which would be refused anyway is never held in memory. */
  const refuseEarly: ServerInterceptor = (_method, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, proceed) {
            const refuse = (error: unknown): void => call.sendStatus(fail(error, performance.now()));
            const letIn = (): void => {
              intake.check();
              proceed(metadata);
            };
            try {
              const admitted = admit(metadata);
              if (admitted instanceof Promise) admitted.then(letIn).catch(refuse);
              else letIn();
            } catch (error) {
              refuse(error);
            }
          },
        });
      },
    });

  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_concurrent_streams': MAX_CONCURRENT_CALLS,
    interceptors: [refuseEarly],
  });
  server.addService(traceServiceDefinition, {
    export: createExportHandler(intake, { admit, fail, done }),
  });

  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${options.port}`, ServerCredentials.createInsecure(), (cause, bound) => {
      if (cause === null) resolve(bound);
      else {
        server.forceShutdown();
        reject(
          new MplpError(
            'MPLP_ERR_CONFIG_INVALID',
            `Cannot listen on ${host}:${options.port}; is another process using it? Choose one with MPLP_OTLP_GRPC_PORT.`,
            { cause },
          ),
        );
      }
    });
  });

  let closed = false;
  return {
    port,
    address: `${host}:${port}`,
    async drain(timeoutMs) {
      if (closed) return;
      closed = true;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, timeoutMs);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
    async close() {
      closed = true;
      server.forceShutdown();
    },
  };
}
