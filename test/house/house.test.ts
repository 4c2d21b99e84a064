import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { optionTable } from '#dist/config/index.js';
import { errorTable } from '#dist/errors/index.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

function filesBelow(folder: string, extensions: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extensions.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const sources = filesBelow('src', /\.ts$/);
const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;

describe('folders', () => {
  it('of the source each say what lives in them', () => {
    const folders = new Set(sources.map((path) => dirname(path)));
    expect([...folders].filter((folder) => !existsSync(join(root, folder, 'README.md')))).toEqual([]);
  });

  it('at the top each say what lives in them', () => {
    for (const folder of [
      'bench',
      'deploy',
      'docs',
      'docs/adr',
      'examples',
      'generated',
      'native',
      'perf-reports',
      'schemas',
      'scripts',
      'src',
      'test',
    ]) {
      expect([folder, existsSync(join(root, folder, 'README.md'))]).toEqual([folder, true]);
    }
  });
});

describe('errors', () => {
  const used = new Map<string, string>();
  for (const path of [...sources, ...filesBelow('native', /\.(cc|h)$/)]) {
    for (const [code] of read(path).matchAll(/MPLP_ERR_[A-Z_]+[A-Z]/g)) used.set(code, path);
  }

  it('used in the code are all in the table', () => {
    expect([...used].filter(([code]) => !(code in errorTable))).toEqual([]);
  });

  it('of the table are all used, with an area that is a folder', () => {
    for (const code of Object.keys(errorTable)) {
      const elsewhere = sources.some((path) => path !== 'src/errors/table.ts' && read(path).includes(code));
      expect([code, elsewhere]).toEqual([code, true]);
    }
  });

  it('are all documented', () => {
    const documented = [...read('docs/reference/errors.md').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(
      ([, code, status]) => [code, Number(status)],
    );
    expect(documented).toEqual(Object.entries(errorTable).map(([code, { status }]) => [code, status]));
  });
});

describe('configuration', () => {
  it('is documented option by option', () => {
    const documented = [
      ...read('docs/reference/configuration.md').matchAll(/^\| `(\w+)` \| `(\w+)` \|/gm),
    ].map(([, name, env]) => [name, env]);
    expect(documented).toEqual(Object.entries(optionTable).map(([name, { env }]) => [name, env]));
  });

  it('is read in one place: no other source file looks at the environment', () => {
    // The two process entries hand it on; the spool looks for the fault injection of the crash suite.
    const known = ['src/serve.ts', 'src/cli/mplp.ts', 'src/engine.ts', 'src/traces/spool/spool.ts'];
    expect(sources.filter((path) => /process\.env\b/.test(read(path)) && !known.includes(path))).toEqual([]);
  });
});

describe('generated files', () => {
  it('are what their sources give', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mplp-generated-'));
    try {
      execFileSync(process.execPath, ['scripts/generate.mjs', '--out', folder], { cwd: root, stdio: 'pipe' });
      for (const path of ['docs/reference/configuration.md', 'docs/reference/errors.md']) {
        expect(read(path)).toBe(readFileSync(join(folder, path), 'utf8'));
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('documents', () => {
  const documents = [
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    ...filesBelow('docs', /\.md$/),
    ...filesBelow('deploy', /\.md$/),
  ];

  it('link to files that are there', () => {
    const broken: string[] = [];
    for (const path of documents) {
      for (const [, target = ''] of read(path).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        if (/^https?:/.test(target)) continue;
        if (!existsSync(join(root, dirname(path), target))) broken.push(`${path}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('name commands that there are', () => {
    const wrong: string[] = [];
    for (const path of [...documents, ...filesBelow('examples', /README\.md$/)]) {
      const text = read(path);
      for (const [, script = ''] of text.matchAll(/npm run ([a-z:-]+)/g))
        if (scripts[script] === undefined) wrong.push(`${path}: npm run ${script}`);
      for (const [, script = ''] of text.matchAll(/\bnpm (start|test)\b/g))
        if (scripts[script] === undefined) wrong.push(`${path}: npm ${script}`);
      for (const [, command = ''] of text.matchAll(/`(?:npx )?mplp ([a-z-]+)/g)) {
        if (!existsSync(join(root, 'src/cli/commands', `${command}.ts`)))
          wrong.push(`${path}: mplp ${command}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('name folders of the architecture that there are', () => {
    const folders = [
      ...read('ARCHITECTURE.md').matchAll(/`((?:src|native|schemas|generated)\/[\w/.-]*)`/g),
    ].map(([, path = '']) => path);
    expect(folders.length).toBeGreaterThan(10);
    expect(folders.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('explain every dependency, and each example is listed', () => {
    execFileSync(process.execPath, ['scripts/check/package.mjs'], { cwd: root, stdio: 'pipe' });
    const listed = read('examples/README.md');
    for (const path of filesBelow('examples', /\.(sh|mjs|py)$/))
      expect(listed).toContain(relative('examples', path));
  });
});

describe('what must run on its own', () => {
  it('has the right to', () => {
    for (const path of ['.ci/run', 'examples/send-span.sh'])
      expect([path, (statSync(join(root, path)).mode & 0o100) !== 0]).toEqual([path, true]);
  });

  it('parses', () => {
    execFileSync('bash', ['-n', join(root, '.ci/run')]);
    execFileSync('bash', ['-n', join(root, 'examples/send-span.sh')]);
    execFileSync('python3', [
      '-c',
      `import ast, sys; ast.parse(open(sys.argv[1]).read())`,
      join(root, 'examples/send_span.py'),
    ]);
    for (const path of [...filesBelow('scripts', /\.mjs$/), ...filesBelow('examples', /\.mjs$/)])
      execFileSync(process.execPath, ['--check', join(root, path)]);
  });
});
