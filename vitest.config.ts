import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/** The tests that a push does not wait for. `pnpm test:slow` runs them. */
const SLOW = ['packages/db/test/embedded/**/*.test.ts', '**/sabotage.test.ts']

const ALL = ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts']

export default defineConfig({
  test: {
    globalSetup: 'test/server.ts',
    // The listeners of this machine must matter only to the tests of numbers passed over.
    env: { PORTS_PASS_OVER: 'none' },
    // Processes and servers are started for real; on a busy machine that takes its time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Most of a test's time passes in other processes.
    maxWorkers: availableParallelism() + 1,
    projects: [
      { extends: true, test: { name: 'quick', include: ALL, exclude: SLOW } },
      { extends: true, test: { name: 'slow', include: SLOW } },
    ],
  },
})
