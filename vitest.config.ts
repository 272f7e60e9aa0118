import { defineConfig } from 'vitest/config'

/** The tests that a push does not wait for. `pnpm test:slow` runs them. */
const SLOW = ['packages/db/test/embedded/**/*.test.ts', '**/sabotage.test.ts']

const ALL = ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'integrations/test/**/*.test.ts']

export default defineConfig({
  test: {
    globalSetup: 'test/server.ts',
    // The listeners of this machine must matter only to the tests of numbers passed over.
    env: { PORTS_PASS_OVER: 'none' },
    // Processes and servers are started for real; on a busy machine that takes its time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The history shows no event while an older transaction is open anywhere on the server, so files
    // that run at the same time disturb one another.
    maxWorkers: 1,
    projects: [
      { extends: true, test: { name: 'quick', include: ALL, exclude: SLOW } },
      { extends: true, test: { name: 'slow', include: SLOW } },
    ],
  },
})
