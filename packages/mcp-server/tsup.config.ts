import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/index.ts', 'src/main.ts'],
  format: 'esm',
  target: 'node20',
  dts: { entry: 'src/index.ts' },
  // One file per entry, and none removed: a process that runs while we build finds all its files.
  splitting: false,
  clean: false,
})
