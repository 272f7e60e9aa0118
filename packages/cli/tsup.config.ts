import { defineConfig } from 'tsup'
import { PACKAGE_NAME, REQUIRE } from '../../build/bundled.js'
import { thirdPartyNotices } from '../../build/thirdPartyNotices.js'

export default defineConfig({
  entry: ['src/main.ts'],
  format: 'esm',
  target: 'node20',
  splitting: true,
  // Many small files take longer to find than to run; ours stay apart, to be one with a library's.
  noExternal: [/^(?!@ports\/)/],
  esbuildPlugins: [thirdPartyNotices()],
  define: PACKAGE_NAME,
  banner: REQUIRE,
  // A rebuild must not take the chunks away from a process that has yet to load them.
  clean: false,
})
