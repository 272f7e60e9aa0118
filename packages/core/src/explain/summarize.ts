import { nameOfInstance } from '../instance.js'
import { nameOfService } from '../PortAllocation.js'
import { PASS_OVER_REASONS } from '../passedOver/reasons.js'
import { type Attribution, decisive, type Owner } from '../processes/Recorded.js'
import { toSeconds } from '../toSeconds.js'
import type { ExplainedContainer, ExplainedProcess, Explanation } from './Explanation.js'

/** One sentence: whose the number is, what listens, and the next safe step. */
export function summarize(known: Omit<Explanation, 'summary'>): string {
  return known.holder ? ofHeld(known, nameOfService(known.holder)) : ofUnheld(known)
}

function ofHeld(known: Omit<Explanation, 'summary'>, service: string): string {
  const { port, verdict } = known
  const whose = `${port} is ${service}'s`
  if (verdict === 'unknown') {
    return `${whose}; it cannot be seen from here whether something listens (${spelt(known.reason)}).`
  }
  if (verdict === 'not-listening') {
    return known.heldBy
      ? `${whose}; nothing listens, but a connection of this host has the number: until it ends, ` +
          'the service may be refused with EADDRINUSE.'
      : `${whose}; nothing listens: start the service, which keeps its number while it is down.`
  }
  const main = mainOf(known)
  if (!main) {
    return (
      `${whose}; a process that cannot be seen from here listens: find out as its user or as root ` +
      'what it is before you stop anything.'
    )
  }
  const listens = `${whose}; ${main.name} listens`
  switch (main.whose) {
    case 'holder':
      return `${listens}: stopping it stops that service.`
    case 'stranger':
      return (
        `${listens}, and ${strangeTo(main, service)}: stop it only if you started it, or give ` +
        `${service} another number.`
      )
    case 'unattributed':
      return (
        `${listens}, and nothing recorded tells whether it is that service: find out before you ` +
        'stop it.'
      )
  }
}

function ofUnheld(known: Omit<Explanation, 'summary'>): string {
  const { verdict, range, reservations, resting } = known
  const [reservation] = reservations
  const state = stateOf(known)
  if (verdict === 'unknown') {
    return `${state}; it cannot be seen from here whether something listens (${spelt(known.reason)}).`
  }
  if (verdict === 'not-listening') {
    if (known.passedOver) {
      return `${state}; nothing listens, but ${PASS_OVER_REASONS[known.passedOver]}.`
    }
    if (reservation) return `${state}; nothing listens: take another number.`
    if (resting) return `${state}; nothing listens: others get it then.`
    return range
      ? `${state}; nothing listens: it is available.`
      : `${state}; nothing listens: a project needs a range with it before a service can hold it.`
  }
  const main = mainOf(known)
  const step = range ? 'claim the number for it' : 'record it with an import'
  if (!main) {
    return (
      `${state}; a process that cannot be seen from here listens: if it is one of your services, ` +
      `${step}, and otherwise leave it alone.`
    )
  }
  const whose = main.owner ? `, which runs in ${possessive(main.owner)} directory,` : ''
  return (
    `${state}; ${main.name}${whose} listens: if it is one of your services, ${step}, and ` +
    'otherwise leave it alone.'
  )
}

function stateOf({ port, range, reservations, resting }: Omit<Explanation, 'summary'>): string {
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

/** What listens, by name, and whose it is. */
interface Main extends Attribution {
  readonly name: string
}

/** What decides: the container that publishes the port, else one of the holder's, else a stranger. */
function mainOf({
  container,
  processes,
}: Pick<Explanation, 'container' | 'processes'>): Main | undefined {
  if (container) return { ...container, name: nameOfContainer(container) }
  const process = decisive(processes)
  return process && { ...process, name: nameOf(process) }
}

/** Such as `the container shop-web-1 (nginx:1.27, of /home/ann/shop)`. */
function nameOfContainer({ name, image, composeDirectory }: ExplainedContainer): string {
  const of = composeDirectory === undefined ? '' : `, of ${composeDirectory}`
  return `the container ${name} (${image}${of})`
}

function strangeTo({ owner }: Main, service: string): string {
  return owner ? `it is ${possessive(owner)}` : `it does not run where ${service} does`
}

function possessive(owner: Owner): string {
  const { projectName, serviceName, instance } = owner
  if (serviceName !== undefined) return `${nameOfService({ ...owner, serviceName })}'s`
  return instance === '' ? `${projectName}'s` : `${projectName}'s (${nameOfInstance(instance)})`
}

/** Such as `node (pid 4242, in /home/ann/consilio, since 2026-11-28T09:12:03Z)`. */
function nameOf({ pid, command, directory, startedAt, container }: ExplainedProcess): string {
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

function spelt(reason: Explanation['reason']): string {
  return (reason ?? '').replaceAll('-', ' ')
}
