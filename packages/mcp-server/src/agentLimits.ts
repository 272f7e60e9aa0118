import { HIGHEST_LIMITS, invalidArgument, type Limits } from '@ports/core'

/** Enough for an agent at work. One in a loop is stopped before it empties a range. */
const DEFAULTS = { maxPorts: 1000, perMinute: 120 } as const

export const LIMIT_VARIABLES = {
  maxPorts: 'PORTS_AGENT_MAX_PORTS',
  perMinute: 'PORTS_AGENT_PER_MINUTE',
} as const

/**
 * The limits of each client, from the environment; `none` switches one off.
 * @throws {PortsError} `INVALID_ARGUMENT` naming the variable
 */
export function agentLimits(environment: NodeJS.ProcessEnv): Limits | undefined {
  const limits = Object.fromEntries(
    (['maxPorts', 'perMinute'] as const).flatMap((field) => {
      const text = environment[LIMIT_VARIABLES[field]]
      if (!text) return [[field, DEFAULTS[field]]]
      if (text === 'none') return []
      if (/^\d+$/.test(text) && Number(text) <= HIGHEST_LIMITS[field]) {
        return [[field, Number(text)]]
      }
      const expected = `a whole number from 0 to ${HIGHEST_LIMITS[field]}, or none`
      throw invalidArgument(LIMIT_VARIABLES[field], text, expected)
    }),
  )
  return Object.keys(limits).length > 0 ? limits : undefined
}
