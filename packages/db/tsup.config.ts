import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { defineConfig } from 'tsup'
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
    // Bundled CommonJS modules require Node's modules by it.
    banner: {
      js: "import { createRequire as createRequireHere } from 'node:module'; const require = createRequireHere(import.meta.url);",
    },
    // Without a navigator, as on Node 20, the driver makes a Response to learn that this is not
    // Cloudflare. That loads all of Node's fetch, which takes a quarter of the time of `ports get`.
    // The driver's native variant is not there, whatever the environment asks for.
    define: {
      navigator: JSON.stringify({ userAgent: 'Node.js' }),
      'process.env.NODE_PG_FORCE_NATIVE': 'undefined',
    },
    async onSuccess() {
      for (const directory of ['migrations', 'seed', 'upgrade']) {
        cpSync(`../../prisma/${directory}`, `prisma/${directory}`, { recursive: true })
        // A migration that was renamed since the last build must not be applied under both names.
        for (const name of readdirSync(`prisma/${directory}`)) {
          if (existsSync(`../../prisma/${directory}/${name}`)) continue
          rmSync(`prisma/${directory}/${name}`, { recursive: true })
        }
      }
    },
  },
  {
    ...common,
    // In one file, because it is read before the first answer.
    entry: ['src/settings.ts'],
    splitting: false,
  },
])
