import { defineConfig } from 'tsup'
import { thirdPartyNotices } from '../../build/thirdPartyNotices.js'

export default defineConfig({
  entry: { index: 'src/index.ts', testing: 'testing/repositoryContract.ts' },
  format: 'esm',
  target: 'node20',
  dts: true,
  external: ['vitest'],
  // Three small files more take longer to find than to run.
  noExternal: ['leven', 'p-limit'],
  esbuildPlugins: [thirdPartyNotices()],
  // One file per entry, and none removed: a process that runs while we build finds all its files.
  splitting: false,
  clean: false,
})
