import { type Account, accountNamed } from '@ports/testkit'
import { describe, expect, it } from 'vitest'
import { expectApiKept, freshHome, getApi, inHome, makeRegistry, once, open } from './homes.js'
import { isAlive } from './processes.js'
import { otherUser } from './users.js'

describe('the embedded database lets nobody in but its owner', () => {
  // Not nobody, because the server may run under that account.
  const stranger = (skip: (note: string) => never) => otherUser(skip, 'daemon')

  it('and root, through every command', async ({ skip }) => {
    const other = stranger(skip)
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    const program = open(inHome(home, other))
    const answers = {
      get: await getApi(program),
      start: await program.start(),
      stop: await program.stop(),
      status: await program.status(),
    }
    const refusal = { error: { isPortsError: true, code: 'DATABASE_UNAVAILABLE' } }
    expect(answers).toMatchObject({
      get: refusal,
      start: refusal,
      stop: refusal,
      status: refusal,
    })
    expect(isAlive(status.pid!)).toBe(true)
    await expectApiKept(inHome(home))
  })

  it('by the socket either, not even the account that it runs as', async ({ skip }) => {
    const other = stranger(skip)
    const home = freshHome()
    const { socketDirectory, owner } = await makeRegistry(inHome(home))
    const server = { host: socketDirectory!, database: 'postgres' }
    const connect = async (as: Account, user: string) =>
      (await once(inHome(home, as), (program) => program.connect({ ...server, user }))).error?.code
    // It cannot enter the directory.
    expect(await connect(other, 'ports')).toBe('EACCES')
    const account = accountNamed(owner!)!
    for (const user of ['ports', owner!, 'postgres', 'root']) {
      expect(await connect(account, user)).toBe('28000')
    }
    // The owner can connect in the same way, so there is no other reason for the refusal.
    expect(await connect({ uid: 0, gid: 0 }, 'ports')).toBeUndefined()
  })
})
