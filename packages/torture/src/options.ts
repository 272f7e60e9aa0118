import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { FAULTS } from './faults/all.js'
import type { Fault } from './faults/Fault.js'
import { SABOTAGES } from './sabotage.js'

export const USAGE = `pnpm torture [options]

  --seconds <n>      the duration of the faults (120; with --each, of each fault: 8)
  --processes <n>    the number of workers (12)
  --steady <n>       the number of further processes, which only get ports that they hold (0)
  --pause <ms>       the average time between faults (250)
  --only <fault>     inject only this fault; repeatable
  --each             inject each fault alone, one after the other
  --list             list the faults, and which of them this machine does not support
  --postgres <dir>   use the server binaries in this directory, not the embedded server
  --sabotage <name>  break the registry, which the checker must find: ${Object.keys(SABOTAGES).join(', ')}
  --report <file>    write the report to this file as well
  --keep             keep the histories even if nothing is wrong`

/** The arguments are invalid. */
export class WrongArguments extends Error {}

export interface Options {
  readonly seconds: number
  readonly processes: number
  readonly steady: number
  readonly pause: number
  readonly faults: Fault[]
  /** Faults that this machine does not support, with reasons. */
  readonly missing: string[]
  readonly each: boolean
  readonly list: boolean
  readonly help: boolean
  readonly postgres?: string
  readonly sabotage?: keyof typeof SABOTAGES
  readonly report?: string
  readonly keep: boolean
}

export function readOptions(args: string[]): Options {
  const values = parsed(args)
  const each = values.each ?? false
  const chosen = values.only === undefined ? FAULTS : values.only.map(faultNamed)
  if (each && values.only) throw new WrongArguments('--each runs every fault: leave --only out')
  const reasonOf = (fault: Fault) =>
    fault.needs === 'embedded' && values.postgres !== undefined
      ? 'needs the embedded server: leave --postgres out'
      : fault.missing?.()
  const unable = chosen.filter((fault) => reasonOf(fault) !== undefined)
  const missing = unable.map((fault) => `${fault.name} ${reasonOf(fault)}`)
  if (values.only && missing.length > 0) throw new WrongArguments(missing.join('; '))
  const sabotage = sabotageNamed(values.sabotage)
  return {
    seconds: count('seconds', values.seconds ?? (each ? '8' : '120')),
    processes: count('processes', values.processes ?? '12'),
    steady: values.steady === undefined ? 0 : count('steady', values.steady),
    pause: count('pause', values.pause ?? '250'),
    faults: chosen.filter((fault) => !unable.includes(fault)),
    missing,
    each,
    list: values.list ?? false,
    help: values.help ?? false,
    keep: values.keep ?? false,
    ...(sabotage && { sabotage }),
    ...(values.report !== undefined && { report: resolve(values.report) }),
    ...(values.postgres !== undefined && { postgres: binariesIn(resolve(values.postgres)) }),
  }
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        seconds: { type: 'string' },
        processes: { type: 'string' },
        steady: { type: 'string' },
        pause: { type: 'string' },
        only: { type: 'string', multiple: true },
        each: { type: 'boolean' },
        list: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        postgres: { type: 'string' },
        sabotage: { type: 'string' },
        report: { type: 'string' },
        keep: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new WrongArguments((error as Error).message, { cause: error })
  }
}

function count(name: string, text: string) {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= 1_000_000) return number
  throw new WrongArguments(`--${name} is ${JSON.stringify(text)}, but must be 1 to 1000000`)
}

function faultNamed(name: string) {
  const fault = FAULTS.find((each) => each.name === name)
  if (fault) return fault
  const names = FAULTS.map((each) => each.name).join(', ')
  throw new WrongArguments(`--only ${JSON.stringify(name)}: the faults are ${names}`)
}

function sabotageNamed(name: string | undefined) {
  if (name === undefined) return undefined
  if (Object.hasOwn(SABOTAGES, name)) return name as keyof typeof SABOTAGES
  throw new WrongArguments(`--sabotage is one of ${Object.keys(SABOTAGES).join(', ')}`)
}

function binariesIn(directory: string) {
  if (existsSync(join(directory, 'postgres')) && existsSync(join(directory, 'initdb'))) {
    return directory
  }
  throw new WrongArguments(
    `--postgres ${directory} has no postgres and initdb. Debian and Ubuntu have them in ` +
      '/usr/lib/postgresql/<version>/bin, after: apt-get install postgresql',
  )
}
