// Gets and releases ports under new host names, like containers and sandboxes. Several services use
// each host concurrently.
//
// node dist/processes/churner.js '{ "file", "name", "url", "until", "least", "last" }'
import { now, OPEN, PROTOCOLS, pick } from '../workload.js'
import { History } from './History.js'
import { endWithParent, get, openRegistry, release } from './registry.js'

const CONCURRENCY = 6
const CALLS_PER_HOST = 3

const { file, name, url, until, least, last } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const ports = await openRegistry(history, url)
const { projectName: project } = pick(OPEN)
let calls = 0
const hosts = () => Math.floor(calls / CALLS_PER_HOST)
await Promise.all(Array.from({ length: CONCURRENCY }, churn))
process.send?.({ done: hosts() }, () => process.exit(0))

async function churn() {
  while (now() < until || (hosts() < least && now() < last)) {
    const host = `${name}-${hosts()}`
    const call = calls++
    const place = {
      project,
      service: `${name}-${call % CALLS_PER_HOST}`,
      instance: '',
      host,
      proto: pick(PROTOCOLS),
    }
    await get(history, ports, place)
    await release(history, ports, place)
  }
}
