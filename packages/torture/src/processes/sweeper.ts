// Releases the ports of dead workers and of outdated common services, so that the ranges do not
// fill up. Calls of a dead worker may take effect later, so its ports are released again after that
// time.
//
// node dist/processes/sweeper.js '{ "file", "url" }', and a message { name, file } for each dead
// worker
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUnknown, readHistory, servicesOf } from '../checker/histories.js'
import { isOutdated, MAX_IN_FLIGHT_US, now } from '../workload.js'
import { History } from './History.js'
import { endWithParent, listAll, openRegistry, type Place, release } from './registry.js'

const COMMON_EVERY_US = 4_000_000

const { file, url } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const killed: { name: string; file: string; due: number; isLast?: boolean }[] = []
let ended = false
process.on('message', ({ name, file: left }: { name?: string; file: string }) => {
  if (name === undefined) ended = true
  else killed.push({ name, file: left, due: now() })
})

const ports = await openRegistry(history, url)
let commonAt = 0
while (!ended) {
  const due = killed.filter((worker) => worker.due <= now())
  if (due.length > 0 || commonAt < now()) await sweep(due)
  for (const worker of due) {
    killed.splice(killed.indexOf(worker), 1)
    if (worker.isLast) await releaseUnresolved(worker.file)
    else killed.push({ ...worker, due: now() + MAX_IN_FLIGHT_US + 1_000_000, isLast: true })
  }
  await sleep(100)
}
process.exit(0)

async function sweep(dead: { name: string }[]) {
  commonAt = now() + COMMON_EVERY_US
  const { ok } = await listAll(history, ports)
  const left = new Map<string, Place>()
  for (const { projectName, serviceName: service, instance, hostname } of ok ?? []) {
    const isDead = dead.some(
      ({ name }) => service.startsWith(`${name}-`) || service.startsWith(`${name}.`),
    )
    const isPast = service.startsWith('common-') && isOutdated(service)
    const place = { project: projectName, service, instance, host: hostname }
    if (isDead || isPast) left.set(Object.values(place).join('/'), place)
  }
  for (const place of left.values()) await release(history, ports, place)
}

/** @param path the history of a killed worker */
async function releaseUnresolved(path: string) {
  const places = new Map<string, Place>()
  // A worker that was killed while it started has made no calls.
  if (!existsSync(path)) return
  for (const call of readHistory(path)) {
    const { project = '', instance = '', host = '' } = call
    if (!isUnknown(call)) continue
    for (const service of servicesOf(call)) {
      if (service.startsWith('shared-')) continue
      const place = { project, service, instance, host }
      places.set(Object.values(place).join('/'), place)
    }
  }
  for (const place of places.values()) await release(history, ports, place)
}
