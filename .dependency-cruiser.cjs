// Imports point down the floors of ARCHITECTURE.md; what a floor may not see is listed here, floor by floor.
const floors = [
  ['errors', 'config', 'observability', 'native'],
  ['protocol'],
  ['store'],
  ['traces', 'modules', 'security', 'otlp'],
  ['http', 'grpc', 'cli', 'client'],
  ['embedded'],
];

/** A folder may import its own floor and those below. */
const upward = floors.slice(0, -1).map((folders, index) => ({
  name: `floor-${index + 1}-imports-downwards`,
  comment: `src/{${folders.join(',')}} may not import from a higher floor (see ARCHITECTURE.md).`,
  severity: 'error',
  from: { path: `^src/(${folders.join('|')})/` },
  to: {
    path: `^src/((${floors
      .slice(index + 1)
      .flat()
      .join('|')})/|engine|index)`,
  },
}));

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'no-cycles',
      comment:
        'Two files that import each other cannot be read one after the other. Types alone do not count.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'errors-stand-alone',
      comment: 'The error table is the lowest file of all.',
      severity: 'error',
      from: { path: '^src/errors/' },
      to: { path: '^src/', pathNot: '^src/errors/' },
    },
    {
      name: 'http-and-cli-are-strangers',
      comment: 'The command line talks to the engine over the wire, as anybody else does.',
      severity: 'error',
      from: { path: '^src/(cli|client)/' },
      to: { path: '^src/(http|grpc|otlp|traces|store|modules|security)/' },
    },
    {
      name: 'servers-do-not-know-the-clients',
      severity: 'error',
      from: { path: '^src/(http|grpc)/' },
      to: { path: '^src/(cli|client)/' },
    },
    {
      name: 'http-and-grpc-are-strangers',
      comment: 'What both need lies below them.',
      severity: 'error',
      from: { path: '^src/(http|grpc)/' },
      to: { path: '^src/(http|grpc)/', pathNot: '^src/$1/' },
    },
    {
      name: 'client-runs-in-a-browser',
      comment: 'The SDK may use nothing that only Node has.',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { dependencyTypes: ['core', 'npm'] },
    },
    {
      name: 'client-stands-alone',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { path: '^src/', pathNot: '^src/client/' },
    },
    {
      name: 'embedded-is-for-the-engine-only',
      comment: 'Embedded storage is only a URL that we start ourselves: nothing else may know which it is.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(embedded/|engine)' },
      to: { path: '^src/embedded/' },
    },
    {
      name: 'modules-keep-their-insides',
      comment: 'A module is used through its index.',
      severity: 'error',
      from: { path: '^src/modules/([^/]+)/' },
      to: { path: '^src/modules/([^/]+)/', pathNot: ['^src/modules/$1/', '^src/modules/[^/]+/index'] },
    },
    {
      name: 'only-native-loads-binaries',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(native|embedded)/' },
      to: { path: '\\.node$' },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true, pathNot: '\\.node$' },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', 'generated', 'dist'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
