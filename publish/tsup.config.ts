import { copyFileSync } from 'node:fs'
import { basename } from 'node:path'
import { defineConfig } from 'tsup'
import { DRIVER, PACKAGE_NAME, REQUIRE } from '../build/bundled.js'
import { copyPrisma } from '../build/copyPrisma.js'
import { thirdPartyNotices } from '../build/thirdPartyNotices.js'
import manifest from './package.json' with { type: 'json' }

const COPIED = [
  '../README.md',
  '../LICENSE',
  '../packages/core/ports.schema.json',
  '../packages/core/registry.schema.json',
  '../packages/db/config.schema.json',
]
const installed = Object.keys(manifest.dependencies).join('|')

/**
 * Bundles all packages as one, from their sources. Prisma's runtime and its query compiler for PostgreSQL
 * are bundled, because @prisma/client has those for all databases and takes ten times as much space.
 */
export default defineConfig({
  entry: {
    index: 'index.ts',
    ports: '../packages/cli/src/main.ts',
    'ports-mcp': '../packages/mcp-server/src/main.ts',
  },
  format: 'esm',
  target: 'node20',
  splitting: true,
  clean: true,
  noExternal: [new RegExp(`^(?!(${installed})$)`)],
  external: ['pg-native'],
  dts: { entry: { index: 'index.ts' } },
  define: { ...DRIVER, ...PACKAGE_NAME },
  banner: REQUIRE,
  esbuildPlugins: [thirdPartyNotices()],
  async onSuccess() {
    copyPrisma()
    for (const path of COPIED) copyFileSync(path, basename(path))
  },
})
