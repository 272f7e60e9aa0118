import { counted, readContainers } from '@ports/core'
import type { Check, Result } from './Check.js'

/** Checks whether the container runtimes answer. They show which container publishes a port. */
export const containersCheck: Check = {
  name: 'containers',
  async run() {
    const { containers, unreachable } = await readContainers()
    if (containers.length === 0 && unreachable.length === 0) return []
    return [
      ...unreachable.map(
        ({ socket, reason }): Result => ({
          state: 'warning',
          message: `The containers behind ${socket} are unknown: ${reason}.`,
          fix: 'Run ports as a user who may use that socket to see what containers publish.',
        }),
      ),
      ...(containers.length === 0
        ? []
        : [
            {
              state: 'ok',
              message: `ports can see ${counted(containers.length, 'container')}.`,
            } as const,
          ]),
    ]
  },
}
