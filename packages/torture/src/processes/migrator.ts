// One of several processes that migrate concurrently during the run.
//
// node dist/processes/migrator.js '{ "file", "url" }'
import { migrate } from '@ports/db'
import { History } from './History.js'
import { endWithParent } from './registry.js'

const { file, url } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
await new History(file).record({ op: 'migrate' }, () => migrate(url === undefined ? {} : { url }))
process.exit(0)
