#!/usr/bin/env node
import { finished } from 'node:stream'
import { inspect } from 'node:util'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { EXIT_STATUS, LazyRepository, PortManager, PortsError } from '@ports/core'
import { createServer } from './index.js'

/** How long a call may still run once the client is gone. */
const GRACE_MS = 5000

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

// Loaded only when it is needed: the client's first question must not wait for a database driver.
const repository = new LazyRepository(
  async () => (await import('@ports/db')).openRepository({ notify: log }),
  async () => (await import('@ports/db')).openRunningRepository({ notify: log }),
)
const server = createServer(managerOfThisHost())
server.onerror = (error) => log(inspect(error))

/** Standard output belongs to the protocol. */
function log(message: string): void {
  process.stderr.write(`ports-mcp: ${message}\n`)
}

function managerOfThisHost(): PortManager {
  try {
    return new PortManager(repository, { ownerUid: ownerUid() })
  } catch (error) {
    // PORTS_HOSTNAME can be wrong. Whoever set it reads the log, not a model the answers.
    if (!(error instanceof PortsError)) throw error
    log(error.message)
    process.exit(EXIT_STATUS[error.code])
  }
}

/** An embedded registry is its user's; root's serves the machine. */
function ownerUid(): number | undefined {
  const uid = process.getuid?.()
  return process.env.PORTS_DATABASE_URL || uid === 0 ? undefined : uid
}

/**
 * Takes no more questions. What is running is still answered, since a client may close its end right
 * after its last question; then nothing holds the process any more.
 */
function end(): void {
  process.stdin.destroy()
  // A second signal does not wait.
  for (const signal of SIGNALS) process.off(signal, end)
  setTimeout(() => process.exit(), GRACE_MS).unref()
}

finished(process.stdin, { writable: false }, end)
process.stdout.on('error', end)
for (const signal of SIGNALS) process.on(signal, end)
process.once('beforeExit', () => repository.close())

await server.connect(new StdioServerTransport())
