// Takes the locks of an allocation, in the same order, and holds them until it gets a message.
//
// node dist/processes/lockHolder.js '{ "connection" }'
import pg from 'pg'
import { HOSTS, PROTOCOLS, pick, SHARED, WITHOUT_RESTS } from '../workload.js'
import { endWithParent } from './registry.js'

const { connection } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const client = new pg.Client(connection)
client.on('error', () => process.exit(0))
try {
  const { projectName } = pick(WITHOUT_RESTS)
  await client.connect()
  await client.query('begin')
  await client.query('select ports.get_or_allocate_port($1, $2, $3, $4)', [
    projectName,
    pick(SHARED),
    pick(HOSTS),
    pick(PROTOCOLS),
  ])
  // It skips locked rows because waiting while it holds the service could cause a deadlock.
  await client.query(
    `select
     from ports.port_allocations
     where status = 'released'
       and project_name = $1
     limit 5
     for update skip locked`,
    [projectName],
  )
  process.send?.('locked')
  await new Promise((resolve) => process.once('message', resolve))
  await client.query('rollback')
} catch {
  // The server is down or the range is full: nothing is locked.
}
process.exit(0)
