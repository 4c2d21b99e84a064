import type { Command } from 'commander';
import { loadConfig, type Config } from '../../config/index.js';
import { MplpError } from '../../errors/index.js';
import type { Finding } from '../doctor/check.js';
import { fail, ok, warn } from '../doctor/check.js';
import { checkDiskSpace, checkSync } from '../doctor/disk-checks.js';
import { checkEmbeddedPostgres, checkPostgres } from '../doctor/postgres-checks.js';
import { checkRedis } from '../doctor/redis-checks.js';
import { checkAddon, checkEmbeddedClickHouse, checkNode, checkOpenFiles } from '../doctor/runtime-checks.js';
import { checkClickHouse, checkEngine } from '../doctor/service-checks.js';
import { exitCodes } from '../exit-codes.js';
import type { RunCommand } from '../program.js';
import type { Session } from '../session.js';
import { printable } from '../terminal-text.js';

export function addDoctor(program: Command, run: RunCommand): void {
  program
    .command('doctor')
    .description('look at everything the engine needs, and say what to do about what is missing')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
Exits with 1 when something fails; warnings alone do not count.

Examples:
  $ mplp doctor
  $ mplp doctor --url http://collector:3000 --json`,
    )
    .action((options: { json?: boolean }, command: Command) =>
      run(command, (session) => doctor(session, options)),
    );
}

async function doctor(session: Session, options: { json?: boolean }): Promise<number> {
  let failed = 0;
  const report = async (finding: Finding): Promise<void> => {
    if (finding.level === 'fail') failed += 1;
    await session.print(options.json === true ? `${JSON.stringify(finding)}\n` : draw(session, finding));
  };
  await report(checkNode());
  await report(await checkAddon());
  const config = await readConfig(session, report);
  await report(checkOpenFiles());
  if (config !== undefined) {
    await report(checkEmbeddedClickHouse(config.clickhouseUrl));
    await report(await checkEmbeddedPostgres(config.databaseUrl));
    await report(checkDiskSpace(config));
    await report(checkSync(config));
    for (const finding of await checkEngine(session, config)) await report(finding);
    for (const finding of await checkClickHouse(config, session.signal)) await report(finding);
    for (const finding of await checkPostgres(config)) await report(finding);
    for (const finding of await checkRedis(config)) await report(finding);
  }
  return failed > 0 ? exitCodes.failed : exitCodes.ok;
}

/** The configuration that `serve` would run with here. */
async function readConfig(
  session: Session,
  report: (finding: Finding) => Promise<void>,
): Promise<Config | undefined> {
  const name = 'configuration';
  try {
    const argv = ['--data-dir', session.dataDir];
    const { config, warnings } = loadConfig({ argv, env: session.env, cwd: session.cwd });
    for (const warning of warnings) await report(warn(name, warning, 'see docs/reference/configuration.md'));
    if (warnings.length === 0) await report(ok(name, 'no faults'));
    return config;
  } catch (error) {
    if (!(error instanceof MplpError)) throw error;
    for (const { pointer, message } of error.errors ?? []) {
      await report(fail(name, `${pointer}: ${message}`, 'see docs/reference/configuration.md'));
    }
    return undefined;
  }
}

function draw({ colors }: Session, { level, name, detail, advice }: Finding): string {
  const paint = { ok: colors.green, warn: colors.yellow, fail: colors.red }[level];
  const line = `${paint(level.padEnd(4))}  ${name.padEnd(20)} ${printable(detail)}\n`;
  return advice === undefined ? line : `${line}${' '.repeat(27)}${colors.bold('→')} ${advice}\n`;
}
