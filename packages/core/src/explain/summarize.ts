import { nameOfInstance } from '../instance.js'
import { nameOfService } from '../PortAllocation.js'
import { PASS_OVER_REASONS } from '../passedOver/reasons.js'
import type { Owner } from '../processes/Recorded.js'
import { toSeconds } from '../toSeconds.js'
import type { ExplainedProcess, Explanation } from './Explanation.js'

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
  const process = mainOf(known)
  if (!process) {
    return (
      `${whose}; a process that cannot be seen from here listens: find out as its user or as root ` +
      'what it is before you stop anything.'
    )
  }
  const listens = `${whose}; ${nameOf(process)} listens`
  switch (process.whose) {
    case 'holder':
      return `${listens}: stopping it stops that service.`
    case 'stranger':
      return (
        `${listens}, and ${strangeTo(process, service)}: stop it only if you started it, or give ` +
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
  const { port, verdict, range, reservations } = known
  const [reservation] = reservations
  const place = range ? `in ${range.projectName}'s range` : "in no project's range"
  const state = reservation
    ? `${port} is reserved${until(reservation.endsAt)} (${reservation.reason}) and held by nobody`
    : `${port} is held by nobody and ${place}`
  if (verdict === 'unknown') {
    return `${state}; it cannot be seen from here whether something listens (${spelt(known.reason)}).`
  }
  if (verdict === 'not-listening') {
    if (known.passedOver) {
      return `${state}; nothing listens, but ${PASS_OVER_REASONS[known.passedOver]}.`
    }
    if (reservation) return `${state}; nothing listens: take another number.`
    return range
      ? `${state}; nothing listens: it is available.`
      : `${state}; nothing listens: a project needs a range with it before a service can hold it.`
  }
  const process = mainOf(known)
  const step = range ? 'claim the number for it' : 'record it with an import'
  if (!process) {
    return (
      `${state}; a process that cannot be seen from here listens: if it is one of your services, ` +
      `${step}, and otherwise leave it alone.`
    )
  }
  const whose = process.owner ? `, which runs in ${possessive(process.owner)} directory,` : ''
  return (
    `${state}; ${nameOf(process)}${whose} listens: if it is one of your services, ${step}, and ` +
    'otherwise leave it alone.'
  )
}

/** The one that decides: one of the holder's, else a stranger. */
function mainOf({ processes }: Pick<Explanation, 'processes'>): ExplainedProcess | undefined {
  const of = (whose: ExplainedProcess['whose']) => processes.find((each) => each.whose === whose)
  return of('holder') ?? of('stranger') ?? processes[0]
}

function strangeTo({ owner }: ExplainedProcess, service: string): string {
  return owner ? `it is ${possessive(owner)}` : `it does not run where ${service} does`
}

function possessive(owner: Owner): string {
  const { projectName, serviceName, instance } = owner
  if (serviceName !== undefined) return `${nameOfService({ ...owner, serviceName })}'s`
  return instance === '' ? `${projectName}'s` : `${projectName}'s (${nameOfInstance(instance)})`
}

/** Such as `node (pid 4242, in /home/ann/consilio, since 2026-11-28T09:12:03Z)`. */
function nameOf({ pid, command, directory, startedAt }: ExplainedProcess): string {
  const [program = ''] = (command ?? '').split(' ')
  const name = program.slice(program.lastIndexOf('/') + 1) || 'a process'
  const facts = [
    `pid ${pid}`,
    ...(directory === undefined ? [] : [`in ${directory}`]),
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
