import { parseArgs } from 'node:util'
import { SECTIONS } from './sections.js'

export interface Options {
  readonly only?: readonly string[]
  readonly pairs: number
  readonly seconds: number
  readonly quick: boolean
  readonly server?: string
  readonly postgres?: string
  /** Whether the figures may be published. */
  readonly isWhole: boolean
}

/** @throws {Error} if they are invalid */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true },
      pairs: { type: 'string', default: '10' },
      /** The duration of each side of a pair. */
      seconds: { type: 'string', default: '2' },
      /** One short pair of each comparison, which proves only that it runs. */
      quick: { type: 'boolean', default: false },
      /** The URL of a running server. */
      server: { type: 'string' },
      /** The directory of the programs of another server. */
      postgres: { type: 'string' },
    },
  })
  const pairs = values.quick ? 1 : Number(values.pairs)
  const seconds = values.quick ? 0.3 : Number(values.seconds)
  if (!Number.isInteger(pairs) || pairs < 1) throw new Error('--pairs is a whole number above 0')
  if (!(seconds > 0)) throw new Error('--seconds is a number above 0')
  const unknown = values.only?.find((name) => !Object.hasOwn(SECTIONS, name))
  if (unknown !== undefined) {
    throw new Error(`--only ${unknown}: the sections are ${Object.keys(SECTIONS).join(', ')}`)
  }
  // Fewer pairs are for trying things out.
  const isWhole = pairs >= 10 && !values.only && !values.server && !values.postgres
  return { ...values, pairs, seconds, isWhole }
}
