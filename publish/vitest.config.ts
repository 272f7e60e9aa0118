import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** The tests of an installed package; `PORTS_PROGRAM` names its command. See .ci/tarball. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['publish/test/*.test.ts'],
    env: { PORTS_PASS_OVER: 'none' },
    testTimeout: 120_000,
  },
})
