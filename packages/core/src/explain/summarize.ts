import { nameOfService } from '../PortAllocation.js'
import { PASS_OVER_REASONS } from '../passedOver/reasons.js'
import {
  type AttributedProcess,
  type AttributedSocket,
  isUnknown,
} from '../processes/attributeUse.js'
import { directoryText } from '../processes/directoryText.js'
import { distinctServers } from '../processes/distinctServers.js'
import { nameOfOwner } from '../processes/nameOfOwner.js'
import type { Attribution, Owner } from '../processes/Recorded.js'
import { toSeconds } from '../toSeconds.js'
import type { ExplainedContainer, Explanation, Holder } from './Explanation.js'

type Known = Omit<Explanation, 'summary'>

/**
 * Says whose the number is, what listens, and the next safe step. Each further listener has a
 * sentence of its own.
 */
export function summarize(known: Known, sockets: readonly AttributedSocket[]): string {
  const [main, ...others] = distinctServers(allListening(known, sockets))
  const { holder } = known
  const service = holder && nameOfService(holder)
  return [
    service === undefined ? ofUnheld(known, main, sockets) : ofHeld(known, service, main, sockets),
    ...others.map((each) => besideText(each, holder)),
    ...(main ? unknownBeside(sockets) : []),
  ].join(' ')
}

function ofHeld(
  known: Known,
  service: string,
  main: Listening | undefined,
  sockets: readonly AttributedSocket[],
): string {
  const { port, verdict } = known
  const whose = `${port} is ${service}'s`
  if (verdict === 'unknown') return `${whose}; ${cannotBeSeen(known)}.`
  if (verdict === 'not-listening') {
    return known.heldBy
      ? `${whose}; ${HELD_BY_CONNECTION}, the service may be refused with EADDRINUSE.`
      : `${whose}; nothing listens: start the service, which keeps its number while it is down.`
  }
  if (!main) {
    return (
      `${whose}; ${hidden(sockets)} listens: find out as its user or as root what it is before you ` +
      'stop anything.'
    )
  }
  const listens = `${whose}; ${main.name} listens`
  switch (main.whose) {
    case 'holder':
      return `${listens}: stopping it stops that service.`
    case 'stranger':
      return (
        `${listens}, and ${strangeTo(main, known.holder!)}: stop it only if you started it, or give ` +
        `${service} another number.`
      )
    case 'unattributed':
      return (
        `${listens}, and nothing recorded shows whether it is that service: find out before you ` +
        'stop it.'
      )
  }
}

function ofUnheld(
  known: Known,
  main: Listening | undefined,
  sockets: readonly AttributedSocket[],
): string {
  const { verdict, range } = known
  const state = stateOf(known)
  if (verdict === 'unknown') return `${state}; ${cannotBeSeen(known)}.`
  if (verdict === 'not-listening') return `${state}; ${ofUnused(known)}`
  const step = range ? 'claim the number for it' : 'record it with an import'
  if (!main) {
    return (
      `${state}; ${hidden(sockets)} listens: if it is one of your services, ${step}, and otherwise ` +
      'leave it alone.'
    )
  }
  const whose = main.owner ? `, which runs in ${possessive(main.owner)} directory,` : ''
  return (
    `${state}; ${main.name}${whose} listens: if it is one of your services, ${step}, and ` +
    'otherwise leave it alone.'
  )
}

const HELD_BY_CONNECTION =
  'nothing listens, but a connection of this host has the number: until it ends'

/** Says whether a number on which nothing listens and that nobody holds can be used. */
function ofUnused(known: Known): string {
  const { heldBy, passedOver, range, reservations, resting, noRegistry } = known
  if (heldBy) {
    return `${HELD_BY_CONNECTION}, a server may be refused with EADDRINUSE. Take another number.`
  }
  if (passedOver) return `nothing listens, but ${PASS_OVER_REASONS[passedOver]}.`
  if (reservations.length > 0) return 'nothing listens: take another number.'
  if (resting) return 'nothing listens: other services can get it after that.'
  if (noRegistry) return 'nothing listens.'
  return range
    ? 'nothing listens: it is available.'
    : 'nothing listens: a project needs a range that contains it before a service can hold it.'
}

function stateOf({ port, range, reservations, resting, noRegistry }: Known): string {
  if (noRegistry) return `The holder of ${port} is unknown, because there is no registry`
  const [reservation] = reservations
  if (reservation) {
    return `${port} is reserved${until(reservation.endsAt)} (${reservation.reason}) and held by nobody`
  }
  if (resting) {
    return `${port} rests${until(resting.restsUntil)} for ${nameOfService(resting)}, which held it last`
  }
  const place = range ? `in ${range.projectName}'s range` : "in no project's range"
  return `${port} is held by nobody and ${place}`
}

/** A process or container that listens, with its name and attribution. */
interface Listening extends Attribution {
  readonly name: string
  /** Empty if a container publishes the number without a socket. */
  readonly addresses: readonly string[]
}

/** The containers and processes that decide the attribution of the sockets, each of them once. */
function allListening(
  { containers }: Pick<Explanation, 'containers'>,
  sockets: readonly AttributedSocket[],
): Listening[] {
  if (sockets.length === 0) return containers.map(ofContainer)
  const named = sockets.flatMap(({ process, container }): Listening[] => {
    const publisher = containers.find(({ id }) => id === container?.id)
    if (publisher) return [ofContainer(publisher)]
    return process ? [{ ...process, name: nameOf(process) }] : []
  })
  return [...new Map(named.map((each) => [each.name, each])).values()]
}

function ofContainer(container: ExplainedContainer): Listening {
  return { ...container, name: nameOfContainer(container) }
}

function besideText(other: Listening, holder: Holder | undefined): string {
  const listens = `Beside it, ${other.name} also listens there, on ${other.addresses.join(', ')}`
  if (!holder) return `${listens}.`
  return other.whose === 'stranger'
    ? `${listens}, and ${strangeTo(other, holder)}: stop it only if you started it.`
    : `${listens}, and nothing recorded shows whether it is that service.`
}

function unknownBeside(sockets: readonly AttributedSocket[]): string[] {
  const addresses = new Set(sockets.filter(isUnknown).map(({ address }) => address))
  if (addresses.size === 0) return []
  const process = hidden(sockets).replace('a', 'A')
  return [
    `${process} also listens there, on ${[...addresses].join(', ')}: find out as its user or as root ` +
      'what it is.',
  ]
}

/** The kernel shows the user of a socket even where it does not show the process. */
function hidden(sockets: readonly AttributedSocket[]): string {
  const uids = new Set(sockets.filter(isUnknown).flatMap(({ uid }) => uid ?? []))
  const of = uids.size === 0 ? '' : ` of uid ${[...uids].join(' or ')}`
  return `a process${of} that cannot be seen from here`
}

/** Such as `the container shop-web-1 (nginx:1.27, of /home/ann/shop)`. */
function nameOfContainer({ name, image, composeDirectory }: ExplainedContainer): string {
  const facts = [image, composeDirectory && `of ${composeDirectory}`].filter(Boolean)
  return `the container ${name}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`
}

function strangeTo({ owner }: Listening, holder: Holder): string {
  if (!owner) return `it does not run where ${nameOfService(holder)} does`
  return `it is ${possessive(owner, holder)}${owner.serviceName === undefined ? '' : ' process'}`
}

/** Such as `shop/web's`, `shop's`, `shop's (login)`. */
function possessive(owner: Owner, holder?: Holder): string {
  return nameOfOwner(owner, holder).replace(/(?: \(.*)?$/, "'s$&")
}

/** Such as `node (pid 4242, in /home/ann/consilio, since 2026-11-28T09:12:03Z)`. */
function nameOf(process: AttributedProcess): string {
  const { pid, command, startedAt, container } = process
  const directory = directoryText(process)
  const [program = ''] = (command ?? '').split(' ')
  const name = program.slice(program.lastIndexOf('/') + 1) || 'a process'
  const facts = [
    `pid ${pid}`,
    ...(directory === undefined ? [] : [`in ${directory}`]),
    ...(container ? [`in the container ${container.name}`] : []),
    ...(startedAt === undefined ? [] : [`since ${toSeconds(startedAt)}`]),
  ]
  return `${name} (${facts.join(', ')})`
}

function until(endsAt: Date | undefined): string {
  return endsAt ? ` until ${toSeconds(endsAt)}` : ''
}

function cannotBeSeen({ reason = '' }: { readonly reason?: string }): string {
  return `it is unknown whether something listens (${reason.replaceAll('-', ' ')})`
}
