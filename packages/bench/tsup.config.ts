import { defineConfig } from 'tsup'

export default defineConfig({
  // File by file, so that each program to be started is found beside the others.
  entry: ['src/**/*.ts'],
  bundle: false,
  format: 'esm',
  target: 'node20',
  // A rebuild must not take files away from a running process.
  clean: false,
})
