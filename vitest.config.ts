import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'test/**/*.test.ts',
      'torture/test/**/*.test.ts',
      'integrations/test/**/*.test.ts',
    ],
    globalSetup: 'test/server.ts',
    // The listeners of this machine must matter only to the tests of numbers passed over.
    env: { PORTS_PASS_OVER: 'none' },
    // Processes and servers are started for real; on a busy machine that takes its time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
