// Gets and releases ports under new host names, like containers and sandboxes that have another
// name each time. Several services use each host at the same time.
//
// node dist/processes/traveller.js '{ "file", "name", "url", "until", "least", "last" }'
import { now, OPEN, PROTOCOLS, pick } from '../workload.js'
import { History } from './History.js'
import { endWithParent, get, openRegistry, release } from './registry.js'

const LANES = 6
const VISITS_OF_EACH = 3

const { file, name, url, until, least, last } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const ports = await openRegistry(history, url)
const { projectName: project } = pick(OPEN)
let visits = 0
const hosts = () => Math.floor(visits / VISITS_OF_EACH)
await Promise.all(Array.from({ length: LANES }, travel))
process.send?.({ done: hosts() }, () => process.exit(0))

async function travel() {
  while (now() < until || (hosts() < least && now() < last)) {
    const host = `${name}-${hosts()}`
    const visit = visits++
    const place = {
      project,
      service: `${name}-${visit % VISITS_OF_EACH}`,
      instance: '',
      host,
      proto: pick(PROTOCOLS),
    }
    await get(history, ports, place)
    await release(history, ports, place)
  }
}
