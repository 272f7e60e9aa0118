import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['frameworks/*.test.ts'],
    globalSetup: 'test/server.ts',
    env: { PORTS_PASS_OVER: 'none' },
    // Packages are installed, and some servers take long to start.
    testTimeout: 600_000,
  },
})
