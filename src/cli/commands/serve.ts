import type { Command } from 'commander';
import { flagOf, optionTable, type OptionName, type OptionSpec } from '../../config/index.js';

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('start the engine and run it until it is told to stop')
    // The engine reads and checks its flags itself, so that all faults are reported together.
    .argument('[flags...]')
    .usage('[flags]')
    .configureHelp({ showGlobalOptions: false })
    .allowUnknownOption()
    .addHelpText(
      'after',
      () => `\nFlags of the engine, each with its environment variable:\n${describeFlags()}

Examples:
  $ mplp serve --port 8080 --data-dir /var/lib/mplp
  $ CLICKHOUSE_URL=http://user:password@host:8123/mplp mplp serve
  $ mplp serve --config mplp.yaml`,
    )
    .action(async (flags: string[], _options: unknown, command: Command) => {
      // The server installs signal handlers of its own.
      process.removeAllListeners('SIGINT');
      process.removeAllListeners('SIGTERM');
      const { dataDir } = command.optsWithGlobals<{ dataDir?: string }>();
      const own = dataDir === undefined ? [] : ['--data-dir', dataDir];
      const { serve } = await import('../../serve.js');
      await serve([...own, ...flags]);
    });
}

function describeFlags(): string {
  const rows = (Object.keys(optionTable) as OptionName[]).map((name) => {
    const spec: OptionSpec = optionTable[name];
    const preset = spec.default === undefined ? '' : ` [${String(spec.default)}]`;
    return `  ${flagOf(spec).padEnd(26)} ${spec.doc}${preset} (${spec.env})`;
  });
  return [`  ${'--config'.padEnd(26)} File with options, YAML or JSON. (MPLP_CONFIG)`, ...rows].join('\n');
}
