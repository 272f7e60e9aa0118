import { defineConfig } from 'tsup'
import { thirdPartyNotices } from '../../build/thirdPartyNotices.js'

export default defineConfig({
  entry: ['src/main.ts'],
  format: 'esm',
  target: 'node20',
  splitting: true,
  // Many small files take longer to find than to run; ours stay apart, to be one with a library's.
  noExternal: [/^(?!@ports\/)/],
  esbuildPlugins: [thirdPartyNotices()],
  banner: {
    // Bundled CommonJS modules require Node's modules by it.
    js: "import { createRequire as createRequireHere } from 'node:module'; const require = createRequireHere(import.meta.url);",
  },
  // A rebuild must not take the chunks away from a process that has yet to load them.
  clean: false,
})
