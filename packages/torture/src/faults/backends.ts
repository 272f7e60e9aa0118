import { type Fault, type FaultContext, happened } from './Fault.js'

export const backends: Fault[] = [
  {
    name: 'backend-terminated',
    what: 'pg_terminate_backend of a backend, mostly of an active one',
    weight: 8,
    inject: ({ server }) => happened(server.query(signalling('pg_terminate_backend'))),
  },
  {
    name: 'statement-cancelled',
    what: 'pg_cancel_backend of a backend that runs a statement',
    weight: 5,
    inject: ({ server }) =>
      happened(server.query(signalling('pg_cancel_backend', `state = 'active'`))),
  },
  {
    name: 'backend-killed',
    what: 'kill -9 of a backend: the postmaster ends all others and recovers',
    weight: 2,
    inject: killBackend,
  },
  {
    name: 'postmaster-killed',
    what: 'kill -9 of the postmaster, and crash recovery by the next process that starts it',
    weight: 2,
    inject: ({ server }) => server.killPostmaster(),
  },
]

function signalling(functionName: string, condition: string = 'true') {
  return `select ${functionName}(pid) as pid
    from pg_stat_activity
    where application_name = 'ports'
      and backend_type = 'client backend'
      and ${condition}
    order by state = 'active' and random() < 0.8 desc, random()
    limit 1`
}

async function killBackend({ server }: FaultContext) {
  try {
    const [backend] = await server.query(signalling(''))
    return backend !== undefined && process.kill(backend.pid, 'SIGKILL')
  } catch {
    return false
  }
}
