import { EmbeddedServer, type Server } from '@ports/testkit'
import { FakeClock } from '../FakeClock.js'
import { restartWith } from '../restartWith.js'
import { between, type Fault, type FaultContext } from './Fault.js'

const HOUR_S = 3_600
/** Much longer than a query takes. */
const MOVED_S = 60

export const clock: Fault[] = [
  {
    name: 'clock-jump',
    what: 'the wall clock of the server and of some workers jumps by up to twelve hours, either way',
    weight: 3,
    missing: FakeClock.missing,
    needs: 'clock',
    inject: jump,
  },
]

async function jump({ clock: wallClock, server, pause }: FaultContext) {
  if (!wallClock) return false
  const before = await offTrueTime(server)
  // The registry starts the embedded server without the fake clock.
  const isOnTrueTime = !wallClock.isFor(server.postmasterPid())
  if (isOnTrueTime && server instanceof EmbeddedServer) {
    if (!(await restartWith(wallClock.environment, server))) return false
    wallClock.note(server.postmasterPid())
  }
  wallClock.set(Math.round(between(-12, 12) * HOUR_S))
  // Processes read the file of the fake clock every second.
  await pause(1_200)
  return Math.abs((await offTrueTime(server)) - before) > MOVED_S
}

/** Returns seconds, or NaN if the server is down. */
async function offTrueTime(server: Server) {
  try {
    const [row] = await server.query('select extract(epoch from now())::float8 as seconds')
    return row.seconds - Date.now() / 1_000
  } catch {
    return Number.NaN
  }
}
