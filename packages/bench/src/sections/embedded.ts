import { chmodSync, mkdtempSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startDatabase, stopDatabase } from '@ports/db'
import { ManualServer } from '../ManualServer.js'
import type { Context } from '../Section.js'
import { timed } from '../timed.js'

export const title = 'Starting the embedded server'

const intro = `\`startDatabase()\` in a running process, against PostgreSQL's own programs, started one after the other with the same account, settings, locale and authentication. Both sync to disk, as initdb does by default. The first start is in an empty home. The registry also installs the programs (under root once per version), creates the tables and inserts the ranges. pg_ctl checks every tenth of a second whether its server answers.`

export async function measure(context: Context) {
  const usualHome = process.env.PORTS_HOME
  const directory = mkdtempSync(join(context.home, 'embedded-'))
  // The server's account must be able to enter, also if this runs as root.
  chmodSync(directory, 0o755)
  const registry = new EmbeddedRegistry(directory)
  let manual: ManualServer | undefined
  const stopNow = () => {
    manual?.stop()
    registry.kill()
  }
  context.signal.addEventListener('abort', stopNow)
  try {
    // Installs the programs, which under root happens once for all registries.
    await registry.create()
    const { programs, account } = registry.description()
    const server = new ManualServer(join(directory, 'manual'), programs, account)
    manual = server

    const first = await context.compare({
      name: 'first start, against `initdb` and `pg_ctl start`',
      kind: 'cost',
      target: 1.2,
      ours: async () => {
        await registry.remove()
        return timed(() => registry.create())
      },
      baseline: async () => {
        server.remove()
        return timed(() => server.create())
      },
      shortfall:
        'initdb takes all of the time of the baseline. The registry also creates its tables and ranges.',
    })
    const later = await context.compare({
      name: 'later start, against `pg_ctl start`',
      kind: 'cost',
      target: 1.2,
      ours: async () => {
        await stopDatabase()
        return timed(() => registry.start())
      },
      baseline: async () => {
        server.stop()
        return timed(() => server.start())
      },
      shortfall: 'Besides the start itself, the lock, the account and the schema are checked.',
    })
    return { intro, rows: [first, later] }
  } finally {
    context.signal.removeEventListener('abort', stopNow)
    manual?.remove()
    await registry.remove()
    process.env.PORTS_HOME = usualHome
  }
}

/** Starts the embedded server as any process that uses the registry does. */
class EmbeddedRegistry {
  #directory: string
  #homes = 0
  #status: Awaited<ReturnType<typeof startDatabase>> | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  async create() {
    process.env.PORTS_HOME = join(this.#directory, `home-${this.#homes++}`)
    await this.start()
  }

  async start() {
    this.#status = await startDatabase({ notify: () => {} })
  }

  async remove() {
    if (this.#status?.dataDirectory === undefined) return
    await stopDatabase()
    rmSync(dirname(this.#status.dataDirectory), { recursive: true, force: true })
    rmSync(process.env.PORTS_HOME!, { recursive: true, force: true })
  }

  /** Called at Ctrl-C, in any state. The data is removed with the home of the run. */
  kill() {
    if (this.#status?.pid !== undefined) process.kill(this.#status.pid, 'SIGINT')
  }

  /** The properties that a manual server must have as well. */
  description() {
    const { dataDirectory, pid } = this.#status!
    const { uid, gid } = statSync(dataDirectory!)
    const account = process.getuid?.() === 0 ? { uid, gid } : undefined
    return { programs: dirname(readlinkSync(`/proc/${pid}/exe`)), account }
  }
}
