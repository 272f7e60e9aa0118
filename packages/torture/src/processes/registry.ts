// Calls of the registry, recorded in a history.

import { setTimeout as sleep } from 'node:timers/promises'
import { PortManager, type PortRepository, PortsError, type ServiceKey } from '@ports/core'
import { openRepository } from '@ports/db'
import type { Layout } from '../workload.js'
import type { History } from './History.js'

/** @param url undefined for the embedded server */
export async function openRegistry(history: History, url: string | undefined) {
  return new PortManager(await openStore(history, url), { hostname: 'alpha' })
}

/** @param url undefined for the embedded server */
export async function openStore(history: History, url: string | undefined) {
  for (;;) {
    const { ok } = await history.record(
      { op: 'open' },
      () => openRepository({ notify: () => {}, ...(url !== undefined && { url }) }),
      () => true,
    )
    if (ok) return notingLost(history, ok)
    await sleep(50)
  }
}

/**
 * Wraps a store so that the history shows attempts without a reply. The library repeats such calls
 * without notice.
 */
export function notingLost(history: History, store: PortRepository): PortRepository {
  const done = new Set<string | undefined>()
  const noted = <Result>(actor: string | undefined, attempt: Promise<Result>) =>
    attempt.catch((error) => {
      if (error instanceof PortsError && error.code === 'OUTCOME_UNKNOWN') history.noteLost(actor)
      throw error
    })
  return {
    ...store,
    getOrAllocate: (request, call) => noted(call?.actor, store.getOrAllocate(request, call)),
    allocate: (request, call) => noted(call?.actor, store.allocate(request, call)),
    claim: async (request, call) => {
      // The library also repeats a claim if it could not read the result.
      if (done.has(call?.actor)) history.noteLost(call?.actor)
      const created = await noted(call?.actor, store.claim(request, call))
      done.add(call?.actor)
      return created
    },
    ensure: async (request, call) => {
      // The library also repeats this call if it could not read the result.
      if (done.has(call?.actor)) history.noteLost(call?.actor)
      const ensured = await noted(call?.actor, store.ensure(request, call))
      done.add(call?.actor)
      return ensured
    },
    renew: (request, call) => noted(call?.actor, store.renew(request, call)),
    ensureMany: (request, call) => noted(call?.actor, store.ensureMany(request, call)),
    allocateMany: (request, call) => noted(call?.actor, store.allocateMany(request, call)),
    release: (selection, call) => noted(call?.actor, store.release(selection, call)),
    move: async (request, call) => {
      // The library also repeats a move if it could not read the result.
      if (done.has(call?.actor)) history.noteLost(call?.actor)
      const moved = await noted(call?.actor, store.move(request, call))
      done.add(call?.actor)
      return moved
    },
    reserve: async (request, call) => {
      // The library also repeats this call if it could not read the result.
      if (done.has(call?.actor)) history.noteLost(call?.actor)
      const reservation = await noted(call?.actor, store.reserve(request, call))
      done.add(call?.actor)
      return reservation
    },
    unreserve: (numbers, call) => noted(call?.actor, store.unreserve(numbers, call)),
    update: (selection, change, call) => noted(call?.actor, store.update(selection, change, call)),
  }
}

export function listAll(history: History, ports: PortManager) {
  return history.record({ op: 'list' }, () => ports.listAll(), briefly)
}

export function briefly(allocations: readonly (ServiceKey & { portNumber: number })[]) {
  return allocations.map(
    ({ projectName, serviceName, hostname, protocol, portNumber, instance }) => [
      projectName,
      serviceName,
      hostname,
      protocol,
      portNumber,
      instance,
    ],
  )
}

/** A service in one scope, or without `proto` in both scopes of a host. */
export interface Place {
  readonly project: string
  readonly service: string
  readonly instance: string
  readonly host: string
  readonly proto?: 'tcp' | 'udp'
  readonly port?: number
  /** The id of the allocation. */
  readonly holding?: string
}

/** A service in one scope. */
export type ScopedPlace = Place & { proto: 'tcp' | 'udp' }

export function releaseOnce(history: History, ports: PortManager, place: Place) {
  const { project, service, instance, host, proto, port, holding } = place
  return history.record(
    { op: 'release', ...place },
    (actor) =>
      ports.releasePorts(project, service, host, {
        instance,
        actor,
        ...(proto !== undefined && { protocol: proto }),
        ...(port !== undefined && { portNumber: port }),
        ...(holding !== undefined && { allocationId: holding }),
      }),
    (released) => released.map(({ portNumber, protocol }) => [portNumber, protocol]),
  )
}

/** Releases the ports and retries until it is acknowledged. */
export async function release(history: History, ports: PortManager, place: Place) {
  for (;;) {
    const { error } = await releaseOnce(history, ports, place)
    if (error === undefined || error === 'RAW') return
    await sleep(50)
  }
}

/** @param ttl the length of its lease in seconds */
export function get(history: History, ports: PortManager, place: ScopedPlace, ttl?: number) {
  const { project, service, instance, host, proto } = place
  return history.record({ op: 'get', ...place, ttl }, (actor) =>
    ports.getOrAllocate(project, service, {
      instance,
      hostname: host,
      protocol: proto,
      actor,
      ...(ttl !== undefined && { ttlSeconds: ttl }),
    }),
  )
}

export function allocate(history: History, ports: PortManager, place: ScopedPlace, key?: string) {
  const { project, service, instance, host, proto } = place
  return history.record({ op: 'allocate', ...place, key }, (actor) =>
    ports.allocate(project, service, {
      actor,
      instance,
      hostname: host,
      protocol: proto,
      ...(key !== undefined && { idempotencyKey: key }),
    }),
  )
}

export function claim(
  history: History,
  ports: PortManager,
  asked: ScopedPlace & { wanted: number; useReservation: boolean },
) {
  const { project, service, instance, host, proto, wanted, useReservation } = asked
  return history.record(
    { op: 'claim', ...asked },
    (actor) =>
      ports.claim(project, service, wanted, {
        actor,
        instance,
        hostname: host,
        protocol: proto,
        useReservation,
      }),
    ({ allocation }) => allocation.portNumber,
  )
}

/** Gets the port of the service with a lease of this length. */
export function lease(history: History, ports: PortManager, asked: ScopedPlace & { ttl: number }) {
  const { project, service, instance, host, proto, ttl } = asked
  return history.record({ op: 'lease', ...asked }, async (actor) => {
    const options = { instance, hostname: host, protocol: proto, ttlSeconds: ttl, actor }
    const { allocation } = await ports.ensure(project, service, options)
    return leaseOf(allocation)
  })
}

export function renew(history: History, ports: PortManager, asked: ScopedPlace & { ttl: number }) {
  const { project, service, instance, host, proto, ttl, port, holding } = asked
  return history.record({ op: 'renew', ...asked }, async (actor) => {
    const [renewed] = await ports.renew(project, service, ttl, {
      instance,
      hostname: host,
      protocol: proto,
      actor,
      ...(port !== undefined && { portNumber: port }),
      ...(holding !== undefined && { allocationId: holding }),
    })
    if (!renewed) throw new Error('renewed nothing')
    return leaseOf(renewed)
  })
}

function leaseOf({
  id,
  portNumber,
  leaseEndsAt,
}: {
  id: string
  portNumber: number
  leaseEndsAt?: Date
}) {
  return { port: portNumber, allocation: id, endsAt: leaseEndsAt?.getTime() }
}

export function move(
  history: History,
  ports: PortManager,
  asked: ScopedPlace & { wanted: number; from?: number; useReservation: boolean },
) {
  const { project, service, instance, host, proto, wanted, from, useReservation } = asked
  return history.record(
    { op: 'move', ...asked },
    (actor) =>
      ports.move(project, service, wanted, {
        instance,
        hostname: host,
        protocol: proto,
        useReservation,
        actor,
        ...(from !== undefined && { from }),
      }),
    // Null if the service holds neither.
    (told) =>
      told ? { from: told.movedFrom, moved: told.moved, ...leaseOf(told.allocation) } : null,
  )
}

/** An instance of a project on a host. */
export type Copy = { project: string; instance: string; host: string }

/** The ports of a service in a batch. */
export type Item = { service: string } & Layout

export function ensureMany(
  history: History,
  ports: PortManager,
  asked: Copy & { items: readonly Item[] },
) {
  const { project, instance, host, items } = asked
  return history.record(
    { op: 'ensureMany', ...asked },
    (actor) => ports.ensureMany(project, items, { instance, hostname: host, actor }),
    ({ allocations }) =>
      allocations.map(({ serviceName, protocol, portNumber }) => [
        serviceName,
        protocol,
        portNumber,
      ]),
  )
}

export function allocateMany(
  history: History,
  ports: PortManager,
  asked: ScopedPlace & { count: number; contiguous: boolean; key?: string },
) {
  const { project, service, instance, host, proto, count, contiguous, key } = asked
  return history.record({ op: 'allocateMany', ...asked }, (actor) =>
    ports.allocate(project, service, {
      instance,
      hostname: host,
      protocol: proto,
      count,
      contiguous,
      actor,
      ...(key !== undefined && { idempotencyKey: key }),
    }),
  )
}

/** Ends the process when the run ends. */
export function endWithParent() {
  process.on('disconnect', () => process.exit(0))
}
