import { lookAtHost } from '@ports/core'
import type { Check, Result } from './Check.js'
import type { Subject } from './Subject.js'

/** Finds what a sandbox forbids to this process or hides from it. */
export const sandboxCheck: Check = {
  name: 'sandbox',
  async run(subject) {
    const found = await Promise.all([socketsResult(subject), homeResult(subject), tablesResult()])
    const results = found.filter((result) => result !== undefined)
    if (results.length > 0) return results
    return [
      { state: 'ok', message: "This process may use Unix sockets and read the kernel's tables." },
    ]
  },
}

async function socketsResult(subject: Subject): Promise<Result | undefined> {
  const refusal = await subject.context.machine.unixSocketRefusal()
  if (refusal === undefined) return undefined
  return {
    state: (await subject.usesEmbedded()) ? 'problem' : 'warning',
    message: `This process may not use Unix sockets (${refusal}). It may be in a sandbox.`,
    fix: 'Allow Unix sockets in the sandbox, or set PORTS_DATABASE_URL to a PostgreSQL on the network.',
  }
}

async function homeResult(subject: Subject): Promise<Result | undefined> {
  if (!(await subject.usesEmbedded())) return undefined
  const refusal = await subject.context.machine.hiddenHomeRefusal()
  if (refusal === undefined) return undefined
  const fix = 'Run ports outside the sandbox, or let the sandbox see that directory.'
  return { state: 'problem', message: refusal, fix }
}

async function tablesResult(): Promise<Result | undefined> {
  const { listening } = await lookAtHost('tcp')
  if (listening !== undefined) return undefined
  return {
    state: 'warning',
    message:
      "This process cannot read the kernel's socket tables, so it cannot tell what listens on " +
      'this host.',
    fix: 'Let the sandbox read /proc/net, or run ports outside it.',
  }
}
