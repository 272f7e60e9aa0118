import {
  type AttributedProcess,
  type ExplainedContainer,
  type Explanation,
  eventText,
  type Holder,
  nameOfOwner,
  nameOfRange,
  nameOfService,
  type Owner,
  PASS_OVER_REASONS,
  printable,
  toSeconds,
  type Whose,
} from '@ports/core'
import { healthText } from '../healthText.js'
import { inDirectory, shortCommand } from '../nameOfProcess.js'
import { nameOfUser } from './nameOfUser.js'

interface Fact {
  readonly name: string
  readonly text: string
}

/** The summary, and below it the facts behind it. Facts are never truncated. */
export function printExplanation(explanation: Explanation): string {
  const facts = factsOf(explanation)
  // Another user may have chosen the name of a directory, which may contain control characters.
  const summary = printable(explanation.summary)
  if (facts.length === 0) return summary
  const width = Math.max(...facts.map(({ name }) => name.length))
  const lines = facts.map(({ name, text }) => `${name.padEnd(width)}  ${printable(text)}`)
  return `${summary}\n\n${lines.join('\n')}`
}

function factsOf(known: Explanation): Fact[] {
  const { holder, range, elsewhere, reservations, passedOver, health, history } = known
  return [
    ...(holder ? [{ name: 'holder', text: holderText(known) }] : []),
    ...(holder?.description ? [{ name: 'description', text: holder.description }] : []),
    ...(range ? [{ name: 'range', text: `${range.projectName}, ${nameOfRange(range)}` }] : []),
    ...listenersOf(known).map((text) => ({ name: 'listens', text })),
    ...known.containers.map((each) => ({ name: 'container', text: containerText(each, known) })),
    ...unreachable(known).map((text) => ({ name: 'container', text })),
    ...known.processes.map((each) => ({ name: 'process', text: processText(each, known) })),
    ...unknownProcesses(known).map((text) => ({ name: 'process', text })),
    ...reservations.map(({ startPort, endPort, reason, reservedBy, endsAt }) => ({
      name: 'reserved',
      text: [
        nameOfRange({ startPort, endPort }),
        `(${reason})`,
        reservedBy && `by ${reservedBy}`,
        endsAt && `until ${toSeconds(endsAt)}`,
      ]
        .filter(Boolean)
        .join(' '),
    })),
    ...(known.resting
      ? [{ name: 'rests', text: `until ${toSeconds(known.resting.restsUntil)}` }]
      : []),
    ...(passedOver ? [{ name: 'caution', text: PASS_OVER_REASONS[passedOver] }] : []),
    ...elsewhere.map((each) => ({
      name: 'elsewhere',
      text: `${nameOfService(each)} on ${each.hostname}/${each.protocol}`,
    })),
    ...(health && holder ? [{ name: 'health', text: healthText(health, holder) }] : []),
    ...history.map((event) => ({ name: 'history', text: eventText(event) })),
  ]
}

/** Told only if something listens, because many users have no access to the Docker socket. */
function unreachable({ verdict, unreachable }: Explanation): string[] {
  if (verdict !== 'listening') return []
  return unreachable.map(({ socket, reason }) => `those of ${socket} are unknown: ${reason}`)
}

/** For a process that cannot be seen, the kernel shows only the user, if that. */
function unknownProcesses({ hasUnknownProcess, listeners }: Explanation): string[] {
  if (!hasUnknownProcess) return []
  const users = listeners
    .filter(({ isUnknown }) => isUnknown)
    .map(({ uid }) => (uid === undefined ? '' : ` of ${nameOfUser(uid)}`))
  const distinct = users.length === 0 ? [''] : [...new Set(users)]
  return distinct.map((of) => `unknown process${of}: it cannot be seen from here`)
}

function holderText({ holder, hostname, protocol }: Explanation): string {
  const { allocatedAt, actor, directory, leaseEndsAt } = holder!
  return [
    `${nameOfService(holder!)} on ${hostname}/${protocol}`,
    `since ${toSeconds(allocatedAt)}`,
    actor && `by ${actor}`,
    directory && `from ${directory}`,
    leaseEndsAt && `until ${toSeconds(leaseEndsAt)} unless renewed`,
  ]
    .filter(Boolean)
    .join(', ')
}

function listenersOf(known: Explanation): string[] {
  const addresses = addressesOf(known)
  return addresses.length === 0 ? [] : [`${addresses.join(', ')} port ${known.port}`]
}

function addressesOf({ listeners }: Explanation): string[] {
  return [...new Set(listeners.map(({ address }) => address))]
}

function processText(process: AttributedProcess, known: Explanation): string {
  const { pid, command, startedAt, uid, container, whose, owner } = process
  return [
    `pid ${pid}`,
    command && shortCommand(command),
    onAddresses(process, known),
    inDirectory(process),
    startedAt && `since ${toSeconds(startedAt)}`,
    uid !== undefined && `of ${nameOfUser(uid)}`,
    container && `in the container ${container.name}`,
    whoseText(whose, owner, known.holder),
  ]
    .filter(Boolean)
    .join(', ')
}

/** Told only if there are several addresses, to distinguish what listens on each. */
function onAddresses({ addresses }: { readonly addresses: readonly string[] }, known: Explanation) {
  const isOneOfSeveral = addresses.length > 0 && addressesOf(known).length > 1
  return isOneOfSeveral && `on ${addresses.join(', ')}`
}

function containerText(container: ExplainedContainer, known: Explanation): string {
  const { name, id, image, composeProject, composeDirectory, whose, owner } = container
  return [
    `${name} (${id})`,
    image,
    composeProject && `Compose project ${composeProject}`,
    onAddresses(container, known),
    composeDirectory && `in ${composeDirectory}`,
    whoseText(whose, owner, known.holder),
  ]
    .filter(Boolean)
    .join(', ')
}

function whoseText(whose: Whose, owner: Owner | undefined, holder: Holder | undefined): string {
  if (whose === 'holder') return "the holder's"
  const word = whose === 'stranger' ? 'a stranger' : 'unattributed'
  return owner ? `${word} (of ${nameOfOwner(owner, holder)})` : word
}
