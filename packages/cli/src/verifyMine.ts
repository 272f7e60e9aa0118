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
import { tellNoPort } from './findPort.js'
import { inCheckout } from './inCheckout.js'
import { inDirectory, nameOfProcess } from './nameOfProcess.js'
import { directoryHere, here, projectHere } from './run/here.js'
import { typedNumber } from './typedNumber.js'

interface Options {
  readonly instance?: string
  readonly protocol?: Protocol
}

/** The copy of a project in this directory. */
interface Mine {
  readonly projectName: string
  readonly instance: string
  readonly root: string
}

/**
 * Prints whether the listener on a port of the project here runs from this checkout.
 * @param typed a number, a service, or nothing for the service here
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
  const options: Options = protocol === undefined ? {} : { protocol }
  const scoped = await inCheckout(context, projectName, options, { create: false })
  const ports = await openManager()
  const call = { ...scoped, signal }
  const isNumber = typed !== undefined && /^\d+$/.test(typed)
  const serviceName = isNumber ? undefined : here(directory, typed).serviceName
  const port =
    serviceName === undefined
      ? typedNumber(typed!)
      : await ports.find(projectName, serviceName, call)
  if (port === undefined) return tellNoPort(context, projectName, serviceName!, scoped)
  const explained = await ports.explainPort(port, { protocol, signal })
  const mine = { projectName, root, instance: ports.instance(projectName, scoped) }
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
