import {
  type AttributedProcess,
  type Explanation,
  isDecisive,
  isOfCheckout,
  nameOfOwner,
  nameOfService,
  PortsError,
  type Protocol,
  printable,
  unverifiable,
} from '@ports/core'
import type { Context } from './Context.js'
import { isWhole, targetOf } from './explain/targetOf.js'
import { tellNoRegistry } from './explain/tellNoRegistry.js'
import { knownInstance } from './inCheckout.js'
import { inDirectory, nameOfProcess } from './nameOfProcess.js'
import { directoryHere, here, projectHere } from './run/here.js'

/** The copy of a project in this directory. */
interface Mine {
  readonly projectName: string
  /** Undefined if it is not recorded yet. */
  readonly instance: string | undefined
  readonly root: string
}

/**
 * Prints whether the listener on a port of the project here runs from this checkout.
 * @param typed a number, a service, project/service, or nothing for the service here
 * @throws {PortsError} `UNVERIFIABLE` if a process that listens cannot be seen
 */
export async function verifyMine(
  context: Context,
  typed: string | undefined,
  protocol: Protocol | undefined,
): Promise<void> {
  const { openManager, output, signal, answerNo } = context
  const directory = directoryHere()
  const { projectName, root } = projectHere(directory)
  const isService = typed === undefined || !isWhole(typed)
  const meant = isService ? here(directory, typed).serviceName : typed
  const target = await targetOf(context, meant, protocol === undefined ? {} : { protocol })
  if (!target) return
  const { port } = target
  const ports = await openManager()
  const explained = await ports.explainPort(port, { ...target, signal })
  tellNoRegistry(output, explained)
  const mine = { projectName, root, instance: await knownInstance(context, projectName, {}) }
  const reason = whyNot(explained, mine)
  output.result({ port, mine: reason === undefined, processes: explained.processes }, () =>
    printable(reason ?? `${port} is served from ${root}`),
  )
  if (reason !== undefined) answerNo()
}

/** The reason why the listener is not this checkout's, or undefined if it is. */
function whyNot(explained: Explanation, mine: Mine): string | undefined {
  const { port, holder, verdict, processes, listeners, containers, hasUnknownProcess } = explained
  if (!holder) return `${port} is held by nobody`
  if (holder.projectName !== mine.projectName || holder.instance !== mine.instance) {
    return `${port} is ${nameOfService(holder)}'s`
  }
  if (verdict === 'unknown')
    throw unverifiable({ ...explained, verdict, reason: explained.reason! })
  if (verdict === 'not-listening') return `nothing listens on ${port}`
  const strange = containers.find((container) => !isIn(container.composeDirectory, mine))
  if (strange) {
    const { name, composeDirectory } = strange
    const place = composeDirectory === undefined ? '' : ` in ${composeDirectory}`
    return `the container ${name}${place} listens on ${port}`
  }
  const other = processes.find((each) => isDecisive(each, listeners) && !isMine(each, mine))
  if (other) return `${otherText(other)} listens on ${port}`
  if (!hasUnknownProcess) return undefined
  throw new PortsError(
    'UNVERIFIABLE',
    `A process that cannot be seen from here listens on port ${port}, so it is unknown whose it is. ` +
      'Ask as its user or as root.',
    { portNumber: port },
  )
}

function otherText(process: AttributedProcess): string {
  const { owner } = process
  return [
    nameOfProcess(process),
    inDirectory(process),
    owner?.serviceName && `of ${nameOfOwner(owner)}`,
  ]
    .filter(Boolean)
    .join(' ')
}

/** It was started by `ports run` for the service, wherever it runs now, or runs in the checkout. */
function isMine({ whose, owner, container, directory }: AttributedProcess, mine: Mine): boolean {
  if (whose === 'stranger') return false
  if (whose === 'holder' && owner?.serviceName !== undefined) return true
  return isIn(container ? container.composeDirectory : directory, mine)
}

function isIn(directory: string | undefined, { root }: Mine): boolean {
  return directory !== undefined && isOfCheckout(directory, root)
}
