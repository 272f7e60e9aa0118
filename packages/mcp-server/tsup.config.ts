import { defineConfig, type Options } from 'tsup'
import { REQUIRE } from '../../build/bundled.js'
import { thirdPartyNotices } from '../../build/thirdPartyNotices.js'

const shared: Options = {
  format: 'esm',
  target: 'node20',
  // One file per entry, and none removed: a process that runs while we build finds all its files.
  splitting: false,
  clean: false,
}

const library: Options = { ...shared, entry: ['src/index.ts'], dts: true }

const program: Options = {
  ...shared,
  entry: ['src/main.ts'],
  // The SDK's many small files take longer to find than to run.
  noExternal: [/^(?!@ports\/)/],
  esbuildPlugins: [thirdPartyNotices()],
  banner: REQUIRE,
}

// Nobody imports the program, so it has no declarations.
export default defineConfig(({ dts }) => (dts ? library : [library, program]))
