// Compares the two sides of the native addon: the names in src/native/contract.ts, what the addon exports, the slots
// through which numbers go in and out, and the columns of the block with the table they are inserted into. Prints
// what differs and fails; says nothing when all is well.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = new URL('../', import.meta.url);
const text = (path) => readFileSync(new URL(path, root), 'utf8');
const faults = [];

/** Names of the members of an interface or of the entries of an exported list, in order. */
function declared(path, name) {
  const source = ts.createSourceFile(path, text(path), ts.ScriptTarget.Latest);
  for (const statement of source.statements) {
    if (ts.isInterfaceDeclaration(statement) && statement.name.text === name) {
      return statement.members.map((member) => member.name.getText(source));
    }
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name: variable, initializer } of statement.declarationList.declarations) {
      if (variable.getText(source) !== name) continue;
      const list = ts.isAsExpression(initializer) ? initializer.expression : initializer;
      return list.elements.map((element) => element.text);
    }
  }
  throw new Error(`${path} does not declare ${name}`);
}

function compare(what, left, right) {
  if (JSON.stringify(left) === JSON.stringify(right)) return;
  faults.push(`${what}:\n  ${left.join(' ')}\n  ${right.join(' ')}`);
}

const contract = 'src/native/contract.ts';
const raw = createRequire(import.meta.url)(fileURLToPath(new URL('build/Release/mplp.node', root)));
const { loadNative } = await import(new URL('dist/native/index.js', root));
const native = loadNative();
const sorted = (names) => [...names].sort();

compare('NativeAddon and what loadNative returns', declared(contract, 'NativeAddon'), Object.keys(native));
compare(
  'NativeAddon and what the addon exports (besides `slots`)',
  sorted(declared(contract, 'NativeAddon')),
  sorted(Object.keys(raw).filter((name) => name !== 'slots')),
);
compare(
  'SpanDecoder and what createSpanDecoder returns',
  sorted(declared(contract, 'SpanDecoder')),
  sorted(Object.keys(native.createSpanDecoder())),
);
const rawDecoder = raw.createSpanDecoder();
compare(
  'RawSpanDecoder and the native class',
  sorted(declared('src/native/span-decoder.ts', 'RawSpanDecoder')),
  sorted([
    ...Object.keys(rawDecoder),
    ...Object.getOwnPropertyNames(Object.getPrototypeOf(rawDecoder)).filter((name) => name !== 'constructor'),
  ]),
);
compare('the slots', declared('src/native/span-decoder.ts', 'slotNames'), raw.slots);

// The table that blocks are inserted into, where a migration creates it, with the types that later ones give its columns.
const migrations = new URL('schemas/clickhouse/single/', root);
const tables = readdirSync(migrations)
  .filter((name) => name.endsWith('.sql'))
  .map((name) =>
    /CREATE TABLE (?:IF NOT EXISTS )?(?:\S+\.)?span_intake\s*\(([\s\S]*?)\)\s*ENGINE/.exec(
      text(`schemas/clickhouse/single/${name}`),
    ),
  )
  .filter((match) => match !== null);
if (tables.length !== 1) faults.push(`${tables.length} migrations create span_intake`);
const changed = new Map(
  readdirSync(migrations)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .flatMap((name) => [
      ...text(`schemas/clickhouse/single/${name}`).matchAll(
        /ALTER TABLE (?:\S+\.)?span_intake MODIFY COLUMN (\w+) ([^;]+);/g,
      ),
    ])
    .map(([, name, type]) => [name, type]),
);
const squeeze = (type) => type.replace(/--.*/g, '').replace(/\s+/g, '').replace(/,$/, '');
for (const [, columns] of tables) {
  const inTable = columns
    .split('\n')
    .map((line) => /^\s*`?(\w+)`?\s+([A-Z].*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name, type]) => `${name}:${squeeze(changed.get(name) ?? type)}`);
  compare(
    'the columns of span_intake and of the block',
    inTable,
    native.columns.map(([name, type]) => `${name}:${squeeze(type)}`),
  );
}

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
