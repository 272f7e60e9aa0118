import { defineConfig } from 'tsup'
import { DRIVER, REQUIRE } from '../../build/bundled.js'
import { copyPrisma } from '../../build/copyPrisma.js'
import { thirdPartyNotices } from '../../build/thirdPartyNotices.js'

const common = {
  format: 'esm',
  target: 'node20',
  // A rebuild must not take files away from a running process.
  clean: false,
} as const

export default defineConfig([
  {
    ...common,
    // Prisma is a file of its own, loaded when it is needed.
    entry: ['src/index.ts', 'src/prismaClient.ts'],
    splitting: true,
    // Small files take longer to find than to run.
    noExternal: ['pg', '@prisma/adapter-pg', 'env-paths'],
    esbuildPlugins: [thirdPartyNotices()],
    external: ['pg-native'],
    banner: REQUIRE,
    define: DRIVER,
    async onSuccess() {
      copyPrisma()
    },
  },
  {
    ...common,
    // In one file, because it is read before the first answer.
    entry: ['src/settings.ts'],
    splitting: false,
  },
])
