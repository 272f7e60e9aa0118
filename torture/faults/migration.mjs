const MIGRATORS = 3

/** @type {import('./Fault.mjs').Fault[]} */
export const migration = [
  {
    name: 'migrate',
    what: 'three processes call migrate() at once',
    weight: 2,
    inject: migrateAtOnce,
  },
  {
    name: 'functions-replaced',
    what: 'all functions created again, in one transaction, as a migration would',
    weight: 2,
    inject: ({ server }) => isDone(server.with(replaceFunctions)),
  },
  {
    name: 'column-added',
    what: 'a column added to a table and dropped again, each under an exclusive lock',
    weight: 2,
    inject: addColumn,
  },
]

/** @param {import('pg').Client} client */
async function replaceFunctions(client) {
  const { rows } = await client.query(
    `select pg_get_functiondef(oid) as definition
     from pg_proc
     where pronamespace = 'ports'::regnamespace`,
  )
  const definitions = rows.map(({ definition }) => definition)
  await client.query(`begin; ${definitions.join(';\n')}; commit`)
}

let migrators = 0

/** @param {import('./Fault.mjs').Scene} scene */
async function migrateAtOnce({ workers, url }) {
  const ends = Array.from({ length: MIGRATORS }, () => {
    const migrator = workers.startOther('migrator', `m${migrators++}`, { url })
    return new Promise((resolve) => migrator.once('exit', (code) => resolve(code === 0)))
  })
  return (await Promise.all(ends)).every(Boolean)
}

/** @param {import('./Fault.mjs').Scene} scene */
async function addColumn({ server, pause }) {
  const table = Math.random() < 0.7 ? 'ports.port_allocations' : 'ports.port_ranges'
  try {
    await server.query(`alter table ${table} add column torture integer`)
    await pause(200)
    return true
  } catch {
    return false
  } finally {
    await server.insist(`alter table ${table} drop column if exists torture`)
  }
}

/** @param {Promise<unknown>} done */
function isDone(done) {
  return done.then(
    () => true,
    () => false,
  )
}
