import { readFileSync } from 'node:fs'
import type { Options } from 'tsup'

const LICENSE = new URL('../node_modules/unbash/LICENSE', import.meta.url)
const license = readFileSync(LICENSE, 'utf8').trim()

/** The hook is one file, which runs where nothing is installed. It is committed. */
export default {
  entry: { guard: 'integrations/hook/main.ts' },
  format: 'esm',
  target: 'node20',
  outExtension: () => ({ js: '.mjs' }),
  noExternal: [/.*/],
  minify: true,
  treeshake: true,
  clean: false,
  banner: {
    js: `// Built from integrations/hook: pnpm test integrations -u\n/*! It contains unbash.\n\n${license}\n*/`,
  },
} satisfies Options
