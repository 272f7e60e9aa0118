// Measures everything that docs/performance.md says, and writes it.
//
// node bench/run.mjs [--only <section>]… [--pairs 10] [--seconds 2] [--quick]
//                    [--server <url> | --postgres <directory of programs>]
import { setMaxListeners } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Databases } from './databases.mjs'
import { describeMachine } from './machine.mjs'
import { documentOf, tablesOf } from './report.mjs'
import { embeddedServer, foreignServer, makeHome, serverFrom } from './server.mjs'

/**
 * What a section is given.
 * @typedef {object} Context
 * @property {number} pairs
 * @property {number} seconds how long each side of a pair is measured
 * @property {boolean} quick it shall only prove that it runs
 * @property {string} url of an empty database of the section's own on the server
 * @property {string} home a directory that goes away with the run; PORTS_HOME
 * @property {AbortSignal} signal aborted at a Ctrl-C: to be given to whatever a section spawns
 * @property {(text: string) => void} progress
 * @property {() => Promise<{ url: string, pool: import('pg').Pool, ports: import('@ports/core').PortManager, close: () => Promise<void> }>} newRegistry
 * without a range, in a database of its own; `pool` has as many connections as the registry's
 */

/**
 * What it answers with. A plot's name is that of its file in docs/, without the ending.
 * @typedef {object} Result
 * @property {import('./pairs.mjs').Comparison[]} rows
 * @property {string} [intro]
 * @property {{ caption?: string, columns: string[], rows: (string | number)[][] }[]} [tables]
 * @property {{ name: string, alt: string, svg: string }[]} [plots]
 */

/**
 * In the order of the document. Each is a module in sections/ with a `title` and
 * `measure(context): Promise<Result>`.
 */
const SECTIONS = [
  'sql',
  'manager',
  'numbers',
  'growth',
  'processes',
  'mcp',
  'audit',
  'embedded',
  'peers',
]

const DOCS = new URL('../docs/', import.meta.url)

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    pairs: { type: 'string', default: '10' },
    /** How long each side of a pair is measured. */
    seconds: { type: 'string', default: '2' },
    /** One short pair of each, which proves that it runs and nothing else. */
    quick: { type: 'boolean', default: false },
    server: { type: 'string' },
    postgres: { type: 'string' },
  },
})
const { quick } = values
const pairs = quick ? 1 : Number(values.pairs)
const seconds = quick ? 0.3 : Number(values.seconds)
if (!Number.isInteger(pairs) || pairs < 1) throw new Error('--pairs is a whole number above 0')
if (!(seconds > 0)) throw new Error('--seconds is a number above 0')
const unknown = values.only?.find((name) => !SECTIONS.includes(name))
if (unknown) throw new Error(`--only ${unknown}: the sections are ${SECTIONS.join(', ')}`)

const home = makeHome()
const server = chooseServer()
const interrupted = new AbortController()
// As many as there are processes at a time.
setMaxListeners(0, interrupted.signal)
let databases
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    interrupted.abort()
    leave().finally(() => process.exit(130))
  })
}

const results = []
const failures = []
try {
  const url = await server.start()
  databases = new Databases(url)
  const machine = await describeMachine(databases, { pairs, seconds })
  for (const name of values.only ?? SECTIONS) {
    const section = await import(`./sections/${name}.mjs`)
    progress(section.title)
    const result = await measure(section).catch((error) => {
      if (interrupted.signal.aborted) throw error
      failures.push({ name, error })
    })
    if (!result) continue
    results.push({ name, title: section.title, ...result })
    console.log(`\n## ${section.title}\n\n${tablesOf(result)}`)
  }
  console.log(`\n${machine()}`)
  for (const { name, error } of failures) console.error(`\n${name} was not measured:`, error)

  // Fewer pairs are for trying things out.
  const whole = pairs >= 10 && !values.only && !values.server && !values.postgres
  if (whole && failures.length === 0) writeDocument(machine())
  else progress('docs/performance.md stays as it is')
} catch (error) {
  // At a Ctrl-C everything under way fails, and says nothing worth reading.
  if (!interrupted.signal.aborted) throw error
} finally {
  if (!interrupted.signal.aborted) await leave()
}
if (!interrupted.signal.aborted) process.exit(failures.length > 0 ? 1 : 0)

async function measure(section) {
  const url = await databases.create()
  try {
    return await section.measure({
      pairs,
      seconds,
      quick,
      url,
      home,
      progress,
      signal: interrupted.signal,
      newRegistry: () => databases.newRegistry(),
    })
  } finally {
    if (!interrupted.signal.aborted) await databases.drop(url)
  }
}

function chooseServer() {
  if (values.server) return foreignServer(values.server)
  if (values.postgres) return serverFrom(values.postgres, home)
  return embeddedServer()
}

async function leave() {
  await databases?.end().catch(() => {})
  await server.stop()
  rmSync(home, { recursive: true, force: true })
}

function writeDocument(machine) {
  mkdirSync(DOCS, { recursive: true })
  for (const { plots = [] } of results) {
    for (const { name, svg } of plots) writeFileSync(new URL(`${name}.svg`, DOCS), svg)
  }
  const path = new URL('performance.md', DOCS)
  writeFileSync(path, documentOf(results, machine))
  progress(`wrote ${fileURLToPath(path)}`)
}

function progress(text) {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
}
