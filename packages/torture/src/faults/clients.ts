import { now } from '../workload.js'
import { between, type Fault, type FaultContext } from './Fault.js'

export const clients: Fault[] = [
  {
    name: 'client-killed',
    what: 'kill -9 of a worker, in the middle of its calls',
    weight: 5,
    inject: ({ workers }) => workers.kill(workers.any()),
  },
  {
    name: 'client-stopped',
    what: 'SIGSTOP of a worker in the middle of its calls, SIGCONT up to two seconds later',
    weight: 5,
    inject: ({ workers, pause }) => workers.stop(workers.any(), pause(between(0, 2_000))),
  },
  {
    name: 'lock-holder-stopped',
    what: 'SIGSTOP of a client that holds the locks of a service and of free slots, which is then resumed or killed',
    weight: 3,
    inject: stopLockHolder,
  },
  {
    name: 'pool-exhausted',
    what: 'a worker with 150 calls in flight on its ten connections; one time in four, the table is locked for longer than they wait',
    weight: 2,
    inject: exhaustPool,
  },
]

async function stopLockHolder({ workers, server, pause }: FaultContext) {
  const holder = workers.startOther('lockHolder', 'locks', { connection: server.connection })
  const ended = new Promise((resolve) => holder.once('exit', resolve))
  const locked = await Promise.race([
    new Promise((resolve) => holder.once('message', () => resolve(true))),
    ended.then(() => false),
  ])
  if (!locked) return false
  await workers.stop(holder, pause(between(500, 3_000)))
  if (Math.random() < 0.5) workers.kill(holder)
  else if (holder.connected) holder.send({})
  await ended
  return true
}

let floods = 0

async function exhaustPool({ workers, server, url, pause }: FaultContext) {
  const withLock = floods++ % 4 === 0
  const seconds = withLock ? 13 : 3
  const until = Math.min(workers.until, now() + seconds * 1_000_000)
  const flood = workers.start({ concurrency: 150, url, environment: {}, until })
  const ended = new Promise((resolve) => flood.once('exit', resolve))
  await pause(1_000)
  let isLocked = false
  if (withLock) {
    await server
      .with(async (client) => {
        await client.query('begin')
        await client.query('lock table ports.port_allocations in access exclusive mode')
        isLocked = true
        // Callers that wait for a connection fail after ten seconds.
        await pause(11_000)
        await client.query('rollback')
      })
      .catch(() => {})
  }
  // Another fault may have killed it.
  return (await ended) === 0 && isLocked === withLock
}
