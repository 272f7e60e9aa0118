// Gets and releases ports under ever new host names, as containers and sandboxes have them that are
// called something else each time. Several services meet on each host.
//
// node torture/processes/traveller.mjs '{ "file", "name", "until", "url" }'
import { now, PROJECTS, PROTOCOLS, pick } from '../workload.mjs'
import { History } from './History.mjs'
import { endWithParent, get, openRegistry, release } from './registry.mjs'

const LANES = 6

const { file, name, until, url } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const ports = await openRegistry(history, url)
let visits = 0
await Promise.all(Array.from({ length: LANES }, travel))
process.send?.({ visited: Math.floor(visits / LANES) }, () => process.exit(0))

async function travel() {
  while (now() < until) {
    const visit = visits++
    const place = {
      project: pick(PROJECTS).projectName,
      service: `${name}-${visit % LANES}`,
      instance: '',
      host: `${name}-${Math.floor(visit / LANES)}`,
      proto: pick(PROTOCOLS),
    }
    await get(history, ports, place)
    await release(history, ports, place)
  }
}
