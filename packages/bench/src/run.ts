// Measures everything in docs/performance.md, and writes that page.
//
// node packages/bench/dist/run.js [--only <section>]… [--pairs 10] [--seconds 2] [--quick]
//                                 [--server <url> | --postgres <directory of programs>]
import { setMaxListeners } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TempResources, useHome } from '@ports/testkit'
import { comparePairs } from './comparison.js'
import { Databases } from './Databases.js'
import { watchMachine } from './machine.js'
import { readOptions } from './options.js'
import { documentOf, tablesOf } from './report.js'
import type { Context, Result } from './Section.js'
import { SECTIONS } from './sections.js'
import { chooseServer } from './server.js'

const DOCS = new URL('../../../docs/', import.meta.url)

const options = readOptions(process.argv.slice(2))
const { quick, pairs, seconds } = options
const resources = new TempResources()
const home = resources.directory('ports-bench-')
useHome(home)
// Each measurement decides whether it looks at the listeners of this machine.
delete process.env.PORTS_PASS_OVER
const server = chooseServer(options, home)
const interrupted = new AbortController()
// Every child process listens to it.
setMaxListeners(0, interrupted.signal)
let databases: Databases | undefined
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    interrupted.abort()
    cleanUp().finally(() => process.exit(130))
  })
}

const results: (Result & { title: string })[] = []
const failures: { name: string; error: unknown }[] = []
try {
  await server.start()
  databases = new Databases(server.url)
  const describeMachine = watchMachine(await databases.serverVersion(), { pairs, seconds })
  const context = contextOf(databases)
  for (const name of options.only ?? Object.keys(SECTIONS)) {
    const { title, measure } = SECTIONS[name]!
    progress(title)
    try {
      const result = await measure(context)
      results.push({ title, ...result })
      console.log(`\n## ${title}\n\n${tablesOf(result)}`)
    } catch (error) {
      if (interrupted.signal.aborted) throw error
      failures.push({ name, error })
    }
  }
  console.log(`\n${describeMachine()}`)
  for (const { name, error } of failures) console.error(`\n${name} was not measured:`, error)
  if (options.isWhole && failures.length === 0) writeDocument(describeMachine())
  else progress('docs/performance.md was not changed')
} catch (error) {
  // Ctrl-C makes all pending work fail with errors that say nothing.
  if (!interrupted.signal.aborted) throw error
} finally {
  if (!interrupted.signal.aborted) await cleanUp()
}
if (!interrupted.signal.aborted) process.exit(failures.length > 0 ? 1 : 0)

function contextOf(databases: Databases): Context {
  return {
    ...{ quick, pairs, seconds, home, progress },
    signal: interrupted.signal,
    compare: (question) => {
      progress(`  ${question.name}`)
      return comparePairs({ pairs, ...question })
    },
    newRegistry: () => databases.newRegistry(),
  }
}

async function cleanUp() {
  await databases?.end().catch(() => {})
  await server.stop()
  await resources.clear()
}

function writeDocument(machine: string) {
  mkdirSync(DOCS, { recursive: true })
  for (const { name, svg } of results.flatMap(({ plots = [] }) => plots)) {
    writeFileSync(new URL(`${name}.svg`, DOCS), svg)
  }
  const path = new URL('performance.md', DOCS)
  writeFileSync(path, documentOf(results, machine))
  progress(`wrote ${fileURLToPath(path)}`)
}

function progress(text: string) {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
}
