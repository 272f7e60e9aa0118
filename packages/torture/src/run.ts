// Runs many processes on a registry of their own while it injects faults, and then checks what they
// were told. See --help.
import { writeFileSync } from 'node:fs'
import { type Options, readOptions, USAGE, WrongArguments } from './options.js'
import { gaps, report, reportEach } from './report.js'
import { Torture } from './Torture.js'

// The workers inherit this. The checker does not know what listens on this machine.
process.env.PORTS_PASS_OVER = 'none'

class Aborted extends Error {}

/** The first Ctrl-C ends the faults, the second one the run. */
const interrupted = new AbortController()
const aborted = new Promise((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) reject(new Aborted('aborted: nothing was checked'))
      else process.stderr.write(`${signal}: checking the calls so far; repeat to abort\n`)
      interrupted.abort()
    })
  }
}) as Promise<never>
aborted.catch(() => {})

try {
  const status = await main(readOptions(process.argv.slice(2)))
  // Exits at once, because Node 20 can wait forever for sockets that were reset.
  process.stdout.write('', () => process.exit(status))
} catch (error) {
  if (error instanceof Aborted) {
    process.stderr.write(`${error.message}\n`)
    // Pending work is dropped.
    process.exit(1)
  }
  if (!(error instanceof WrongArguments)) throw error
  process.stderr.write(`${error.message}\n\n${USAGE}\n`)
  process.exitCode = 2
}

/** @returns the exit status */
async function main(options: Options): Promise<number> {
  if (options.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  if (options.list) {
    process.stdout.write(await listOfFaults())
    return 0
  }
  return options.each ? runEach(options) : runAll(options)
}

async function listOfFaults() {
  const { FAULTS } = await import('./faults/all.js')
  const lines = FAULTS.map(({ name, what, missing }) => {
    const reason = missing?.()
    return `${name.padEnd(28)}${what}${reason === undefined ? '' : `  [not here: ${reason}]`}\n`
  })
  return lines.join('')
}

async function runAll(options: Options) {
  const outcome = await new Torture(options, interrupted.signal).run(aborted)
  publish(report(outcome, options), options)
  return outcome.wrong || gaps(outcome).length > 0 ? 1 : 0
}

async function runEach(options: Options) {
  const outcomes = []
  for (const fault of options.faults) {
    if (interrupted.signal.aborted) break
    process.stderr.write(`${fault.name}:\n`)
    const alone = { ...options, faults: [fault] }
    const outcome = await new Torture(alone, interrupted.signal).run(aborted)
    outcomes.push({ name: fault.name, outcome })
  }
  publish(reportEach(outcomes, options), options)
  const isProof = outcomes.every(
    ({ name, outcome }) =>
      !outcome.wrong && gaps(outcome).length === 0 && outcome.faults[name] !== 0,
  )
  return isProof ? 0 : 1
}

function publish(text: string, options: Options) {
  process.stdout.write(text)
  if (options.report !== undefined) writeFileSync(options.report, text)
}
