import { defineConfig } from 'vitest/config'

/** The tests that a push does not wait for. `pnpm test:slow` runs them. */
const SLOW = [
  'integrations/test/hook.test.ts',
  'packages/cli/test/{export,import}?*.test.ts',
  'packages/cli/test/{completion,moved,otherListeners,releaseAllServices,sandbox}.test.ts',
  'packages/cli/test/{terminal,transfer,uninstall,up,watch,whose}.test.ts',
  'packages/db/test/{embedded,faults}/**/*.test.ts',
  'packages/db/test/guards/cursors.test.ts',
  'packages/db/test/{model,upgrade}.test.ts',
  'packages/mcp-server/test/load.test.ts',
  'packages/torture/test/sabotage.test.ts',
]

const ALL = ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'integrations/test/**/*.test.ts']

const globalSetup = 'test/server.ts'

export default defineConfig({
  test: {
    // The listeners of this machine must matter only to the tests of numbers passed over.
    env: { PORTS_PASS_OVER: 'none' },
    // Processes and servers are started for real; on a busy machine that takes its time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 3,
    projects: [
      { extends: true, test: { name: 'quick', globalSetup, include: ALL, exclude: SLOW } },
      { extends: true, test: { name: 'slow', globalSetup, include: SLOW } },
    ],
  },
})
