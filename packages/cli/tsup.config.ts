import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/main.ts'],
  format: 'esm',
  target: 'node20',
  splitting: true,
  // A rebuild must not take the chunks away from a process that has yet to load them.
  clean: false,
})
