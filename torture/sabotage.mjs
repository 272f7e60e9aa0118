// Ways to break the registry on purpose, which the checker must notice.

/** @typedef {import('pg').Client} Client */

export const SABOTAGES = {
  /** Commits are acknowledged before they are on disk; the next crash takes the newest back. */
  'unsafe-commit': async (/** @type {Client} */ client) => {
    await client.query('alter system set synchronous_commit = off')
    await client.query(`alter system set wal_writer_delay = '10s'`)
    await client.query('select pg_reload_conf()')
  },

  /** Nothing refuses a number that is held, where a free slot of that number was stored by hand. */
  'no-unique': async (/** @type {Client} */ client) => {
    await client.query('drop index ports.port_allocations_live_port')
  },

  /** The slot that is looked up is not locked, and not looked at again before it is taken. */
  'no-lock': async (/** @type {Client} */ client) => {
    const { rows } = await client.query(
      `select pg_get_functiondef(oid) as definition
       from pg_proc
       where proname = 'allocate_port'`,
    )
    const broken = rows[0].definition
      .replace('for update skip locked', '')
      .replace(
        'where ctid = (',
        // The row as it is after whoever was faster committed, whatever became of it.
        `where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and port_number = (`,
      )
      .replace('select free.ctid', 'select free.port_number')
    // Where a number has a second slot, stored by hand, this one would take both, for ever.
    await client.query(
      `create unique index one_slot
       on ports.port_allocations (hostname, protocol, port_number)`,
    )
    await client.query(broken)
  },
}
