import { PortsError, probablyMeant } from '@ports/core'
import { commandLine } from '../commandLine.js'
import type { Check, Result } from './Check.js'
import type { Subject } from './Subject.js'

/** The variables that ports reads, and those that `ports run` sets. */
const VARIABLES: readonly string[] = [
  'PORTS_ACTOR',
  'PORTS_AGENT_MAX_PORTS',
  'PORTS_AGENT_PER_MINUTE',
  'PORTS_CHECKOUT',
  'PORTS_DATABASE_URL',
  'PORTS_DEFAULT_RANGES',
  'PORTS_HOME',
  'PORTS_HOSTNAME',
  'PORTS_INSTANCE',
  'PORTS_PASS_OVER',
  'PORTS_PROJECT',
  'PORTS_RANGE_SIZE',
  'PORTS_RUN_VARIABLES',
]

/**
 * Checks the settings files, and finds variables with a wrong value and those that nothing reads.
 */
export const settingsCheck: Check = {
  name: 'settings',
  async run(subject) {
    const results = [...(await filesResults(subject)), ...variablesResults(subject)]
    if (results.length > 0) return results
    return [{ state: 'ok', message: 'The settings files and the PORTS_… variables are valid.' }]
  },
}

async function filesResults({ context }: Subject): Promise<Result[]> {
  const files = await context.machine.settingsFileStates()
  const faults = files.flatMap(({ fault, file }): Result[] =>
    fault === undefined ? [] : [{ state: 'problem', message: fault, fix: `Correct ${file}.` }],
  )
  const shown = files
    .filter(({ showsPassword }) => showsPassword)
    .map(
      ({ file }): Result => ({
        state: 'warning',
        message: `${file} contains a password, and other users of this machine may read it.`,
        fix: commandLine('chmod', '600', file),
      }),
    )
  return [...faults, ...shown, ...(faults.length > 0 ? [] : await valuesResults(context.settings))]
}

/** Reports the first variable with a wrong value. */
async function valuesResults(settings: Subject['context']['settings']): Promise<Result[]> {
  try {
    await settings.list()
    return []
  } catch (error) {
    if (!(error instanceof PortsError)) throw error
    return [{ state: 'problem', message: error.message, fix: 'Correct that variable.' }]
  }
}

function variablesResults({ context }: Subject): Result[] {
  return Object.keys(context.environment)
    .filter((name) => name.startsWith('PORTS_') && !VARIABLES.includes(name))
    .map((name) => {
      const meant = probablyMeant(name, VARIABLES)
      return {
        state: 'warning',
        message: `${name} is set, but ports does not read it.`,
        fix: meant === undefined ? `unset ${name}` : `Rename it to ${meant}, or unset it.`,
      }
    })
}
