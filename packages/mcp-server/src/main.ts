#!/usr/bin/env node
import { finished } from 'node:stream'
import { inspect } from 'node:util'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { EXIT_STATUS, PortManager, PortsError } from '@ports/core'
import { createServer } from './index.js'
import { LazyRepository } from './LazyRepository.js'

/** How long running calls may take once the client is gone. Then the process ends regardless. */
const GRACE_MS = 5000

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

const repository = new LazyRepository(async () => {
  // Loaded only now: the client's first question must not wait for a database driver.
  const { openRepository } = await import('@ports/db')
  return openRepository({ notify: log })
})
const server = createServer(managerOfThisHost())
server.onerror = (error) => log(inspect(error))
server.onclose = end

/** Standard output belongs to the protocol. */
function log(message: string): void {
  process.stderr.write(`ports-mcp: ${message}\n`)
}

function managerOfThisHost(): PortManager {
  try {
    return new PortManager(repository)
  } catch (error) {
    // PORTS_HOSTNAME can be wrong. Whoever set it reads the log, not a model the answers.
    if (!(error instanceof PortsError)) throw error
    log(error.message)
    process.exit(EXIT_STATUS[error.code])
  }
}

let ending = false

async function end(): Promise<void> {
  if (ending) return
  ending = true
  setTimeout(() => process.exit(), GRACE_MS).unref()
  // A second signal does not wait.
  for (const signal of SIGNALS) process.off(signal, end)
  // The client may have closed its end right after its last question, and still read the answer.
  await server.settled()
  await repository.close()
  process.stdin.destroy()
}

finished(process.stdin, { writable: false }, end)
process.stdout.on('error', end)
for (const signal of SIGNALS) process.on(signal, end)

await server.connect(new StdioServerTransport())
