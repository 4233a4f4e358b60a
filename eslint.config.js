import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const NODE_FILES = ['src/**/node*.ts', 'src/cli/**/*.ts'];

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'runs/', '.results/', 'web/dist/', 'bench/peers/.build/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // `undefined` names are the compiler's business.
      'no-undef': 'off',
      // `a[i]!` says that i is in range, which no type can.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Shapes and counts read well in messages as they are.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // Abstract bases and namespaces of static functions are both used on purpose.
      '@typescript-eslint/no-extraneous-class': 'off',
      // Browsers differ in what they have of WebGPU; lib.dom says that they have all of it.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_$' },
      ],
      // Types are structural, and tests make use of it.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      eqeqeq: ['error', 'always'],
    },
  },
  {
    // One bundle serves Node and browsers, so builtins are reached inside functions of these files.
    files: ['src/**/*.ts'],
    ignores: NODE_FILES,
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'getBuiltinModule',
          message: "Put what needs Node's modules in a file named node*.ts.",
        },
      ],
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*'], message: 'Browsers load this file.' }] },
      ],
    },
  },
  {
    files: ['src/**/node*.ts'],
    ignores: ['src/cli/**'],
    rules: {
      // Node's modules are objects of free functions.
      '@typescript-eslint/unbound-method': 'off',
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['node:*'],
              allowTypeImports: true,
              message: 'Use process.getBuiltinModule: a static import breaks the browser bundle.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // `expect(object.method)` and rows of `test.each` hand methods around.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: {
        ...Object.fromEntries(
          ['console', 'document', 'performance', 'process', 'URL', 'window', 'module'].map(
            (name) => [name, 'readonly'],
          ),
        ),
      },
    },
  },
  prettier,
);
