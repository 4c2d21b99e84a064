import { loadConfig } from './config/index.js';
import { createEngine } from './engine.js';
import { MplpError } from './errors/index.js';
import { createLogger } from './observability/log.js';

/**
 * Runs the engine until a signal stops it. Prints one JSON line on standard output when requests are taken in,
 * so that scripts can wait for it; logs go to standard error.
 *
 * Exit codes: 0 after a graceful stop, 1 when the start failed or the stop took too long, 2 on a faulty configuration.
 */
export async function serve(argv: readonly string[]): Promise<void> {
  let config;
  try {
    const loaded = loadConfig({ argv, env: process.env, cwd: process.cwd() });
    config = loaded.config;
    for (const warning of loaded.warnings) process.stderr.write(`warning: ${warning}\n`);
  } catch (error) {
    if (!(error instanceof MplpError)) throw error;
    process.stderr.write(`${error.message}\n`);
    for (const fault of error.errors ?? []) process.stderr.write(`  ${fault.pointer}: ${fault.message}\n`);
    process.exitCode = 2;
    return;
  }

  const log = createLogger({ level: config.logLevel, format: config.logFormat });
  let engine: Awaited<ReturnType<typeof createEngine>>;
  try {
    engine = await createEngine(config, log);
  } catch (error) {
    log.fatal({ err: error }, error instanceof MplpError ? error.message : 'the engine could not start');
    process.exitCode = 1;
    return;
  }

  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      // Service managers repeat SIGTERM; only a person who presses Ctrl-C again means it.
      if (signal === 'SIGTERM') return;
      log.warn(
        { signal },
        'stopped before the drain was complete; spooled spans are stored at the next start',
      );
      process.exit(1);
    }
    stopping = true;
    log.info({ signal }, 'draining');
    engine.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'the stop failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  if (engine.createdAdminKey !== undefined) {
    process.stderr.write(
      `\nAdmin key (stored in ${engine.adminKeyPath}, shown once): ${engine.createdAdminKey}\n\n`,
    );
  }
  process.stdout.write(
    `${JSON.stringify({ ready: true, url: engine.url, otlp: engine.otlp, clickhouse: engine.clickhouse, postgres: engine.postgres })}\n`,
  );
}
