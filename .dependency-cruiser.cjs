/**
 * Imports go one way: a folder may import those that stand before it in this list, and itself.
 * The names on one line do not import each other, but for what ALSO allows.
 */
const LAYERS = [
  ['errors', 'random', 'textTable'],
  ['gpu'],
  ['autograd'],
  ['tensor'],
  ['nn', 'optim', 'data'],
  ['models'],
  ['train', 'viz'],
];

/** Imports between two names of one line. */
const ALSO = [
  ['random', 'errors'],
  ['train', 'viz'],
];

const pathOf = (names) => `^src/(${names.join('|')})(/|\\.ts$)`;

const layerRules = LAYERS.flatMap((layer, i) => {
  const later = [...LAYERS.slice(i + 1).flat(), 'cli', 'index'];
  return layer.map((name) => {
    const beside = layer.filter(
      (other) => other !== name && !ALSO.some(([from, to]) => from === name && to === other),
    );
    return {
      name: `layers: ${name}`,
      comment: `src/${name} may not import these: imports go one way, see ARCHITECTURE.md.`,
      severity: 'error',
      from: { path: pathOf([name]) },
      to: { path: pathOf([...beside, ...later]) },
    };
  });
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no cycles',
      comment: 'A cycle with a type-only import in it is none: compiled, that import is gone.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no orphans',
      comment: 'Nothing imports this file: it is forgotten, or its entry point is.',
      severity: 'error',
      from: { orphan: true, pathNot: '(\\.d\\.ts$|^src/(index|cli/main)\\.ts$)' },
      to: {},
    },
    {
      name: 'unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'node builtins',
      comment: 'Browsers load these files: put what needs Node in src/**/node*.ts or src/cli.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/cli/', '/node[^/]*\\.ts$'] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'cli: by name only',
      comment: "The command line is a program like any other: it imports 'shadegrad'.",
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: '^src/(cli/|index\\.ts$)' },
    },
    ...layerRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['import', 'types', 'default'],
      exportsFields: ['exports'],
    },
  },
};
