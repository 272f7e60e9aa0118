// One of several that migrate at once, in the middle of everything.
//
// node torture/processes/migrator.mjs '{ "file", "url" }'
import { migrate } from '@ports/db'
import { History } from './History.mjs'
import { endWithParent } from './registry.mjs'

const { file, url } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
await new History(file).record({ op: 'migrate' }, () => migrate(url === undefined ? {} : { url }))
process.exit(0)
