import config from '../vitest.config.js';
export default async (env: { mode: string; command: 'serve' }) => {
  const made = await (config as unknown as (env: object) => Promise<{ root?: string; define?: object; test: { projects: object[] } }>)(env);
  made.root = '/work/main';
  made.define = { 'import.meta.env.MODE': '"all"' };
  return made;
};
