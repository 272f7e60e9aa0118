// The faults of a cluster, and how each is undone.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Machine } from './Machine.js'

export interface Fault {
  readonly title: string
  readonly victim: 'leader' | 'sync_standby'
  readonly inject: (machine: Machine, others: readonly Machine[]) => unknown
  readonly undo: (machine: Machine) => unknown
  /** Whether Patroni must choose another primary. */
  readonly movesPrimary: boolean
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  machine: {
    title: 'machine of the primary killed: PostgreSQL, Patroni and etcd (kill -9)',
    victim: 'leader',
    // The replication is cut first, so that no standby has the primary's last writes.
    inject: async (machine, others) => {
      // The standbys connect again at once.
      const until = performance.now() + 500
      let drops = 0
      while (performance.now() < until) {
        for (const other of others) drops += other.dropReplication()
        await sleep(10)
      }
      if (drops === 0) throw new Error('there was no replication to cut')
      await machine.kill()
    },
    undo: (machine) => machine.start(),
    movesPrimary: true,
  },
  postgres: {
    title: 'PostgreSQL of the primary killed (kill -9), Patroni keeps running',
    victim: 'leader',
    inject: (machine) => machine.killPostgres(),
    undo: () => {},
    // Patroni may start PostgreSQL again on the same node.
    movesPrimary: false,
  },
  patroni: {
    title: 'Patroni of the primary killed (kill -9), PostgreSQL keeps running',
    victim: 'leader',
    inject: (machine) => machine.killPatroni(),
    undo: (machine) => machine.startPatroni(),
    movesPrimary: true,
  },
  freeze: {
    title: 'machine of the primary stopped (SIGSTOP), resumed after the failover',
    victim: 'leader',
    inject: (machine) => machine.freeze(),
    undo: (machine) => machine.thaw(),
    movesPrimary: true,
  },
  standby: {
    title: 'machine of the synchronous standby stopped (SIGSTOP), then resumed',
    victim: 'sync_standby',
    inject: (machine) => machine.freeze(),
    undo: (machine) => machine.thaw(),
    movesPrimary: false,
  },
}
