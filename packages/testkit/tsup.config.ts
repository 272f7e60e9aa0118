import { defineConfig } from 'tsup'

export default defineConfig({
  // File by file, so that nobody loads what they do not use.
  entry: ['src/**/*.ts'],
  bundle: false,
  format: 'esm',
  target: 'node20',
  // A rebuild must not take files away from a running process.
  clean: false,
})
