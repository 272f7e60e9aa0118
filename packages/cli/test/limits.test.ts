import { portsOn } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'
import { passTime } from '../../db/test/passTime.js'

describe('limit', () => {
  test('is set, listed, reached and removed', async () => {
    const ports = portsOn(await freshDatabase())
    const set = ['limit', 'set', '--project', 'consilio', '--max-ports', '2', '--per-minute', '60']
    expect(await ports(...set)).toMatchObject({
      stdout: '',
      stderr: 'Limited consilio to 2 ports held and 60 given a minute.\n',
      status: 0,
    })
    await ports('get', 'consilio', 'web', 'api')
    const refused = await ports('get', 'consilio', 'worker')
    expect(refused).toMatchObject({ stdout: '', status: 7 })
    expect(refused.stderr).toContain(
      'consilio may hold 2 ports and holds 2, so 1 more port cannot be allocated.',
    )
    expect(refused.stderr).toContain('ports limit list')
    const { stdout } = await ports('limit', 'list')
    expect(stdout).toMatch(/^PROJECT +MAX PORTS +HELD +PER MINUTE +GIVEN +SET BY\n/)
    expect(stdout).toMatch(/^consilio +2 +2 +60 +2 /m)
    expect(await ports('limit', 'remove', '--project', 'consilio')).toMatchObject({
      stderr: 'Removed the limits of consilio.\n',
      status: 0,
    })
    expect(await ports('limit', 'remove', '--project', 'consilio')).toMatchObject({
      stderr: 'Nothing to remove: consilio has no limits.\n',
      status: 1,
    })
    expect(await ports('get', 'consilio', 'worker')).toMatchObject({ status: 0 })
    expect(await ports('limit', 'list')).toMatchObject({ stderr: 'There are no limits.\n' })
  })

  test('replaces the old limits, and says which are gone', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('limit', 'set', '--project', 'consilio', '--max-ports', '2')
    expect(
      await ports('limit', 'set', '--project', 'consilio', '--per-minute', '60'),
    ).toMatchObject({
      stderr: 'Limited consilio to any number of ports held and 60 given a minute.\n',
    })
    await ports('get', 'consilio', 'web', 'api', 'worker')
    expect((await ports('limit', 'list')).stdout).toMatch(/^consilio +3 +60 +3 /m)
  })

  test('of actors says when to try again', async () => {
    const url = await freshDatabase()
    const ports = portsOn(url, { PORTS_ACTOR: 'claude-code' })
    await ports('limit', 'set', '--actor', 'claude*', '--per-minute', '1')
    await ports('get', 'consilio', 'web')
    const refused = await ports('get', 'consilio', 'api', '--json')
    expect(refused).toMatchObject({ stdout: '', status: 7 })
    const { error } = JSON.parse(refused.stderr.trim().split('\n').at(-1)!)
    expect(error).toMatchObject({
      code: 'LIMIT_REACHED',
      message: expect.stringMatching(/^The actors claude\* may get 1 new port .* Try again at 20/),
      details: { limit: 'perMinute', retryAt: expect.stringMatching(/^20/) },
    })
    await passTime(url, 60)
    expect(await ports('get', 'consilio', 'api')).toMatchObject({ status: 0 })
  })

  test('is in JSON', async () => {
    const ports = portsOn(await freshDatabase(), { PORTS_ACTOR: 'ann' })
    const json = async (...args: string[]) => JSON.parse((await ports(...args, '--json')).stdout)
    const limit = { actor: 'claude*', maxPorts: 5, setBy: 'ann' }
    expect(await json('limit', 'set', '--actor', 'claude*', '--max-ports', '5')).toEqual(limit)
    expect(await json('limit', 'list')).toEqual([{ ...limit, held: 0 }])
    expect(await json('limit', 'remove', '--actor', 'claude*')).toEqual({ removed: true, ...limit })
    expect(await json('limit', 'remove', '--actor', 'claude*')).toEqual({
      removed: false,
      actor: 'claude*',
    })
  })

  test.each([
    ['neither project nor actor', 2, ['--max-ports', '5'], 'give --project or --actor'],
    ['an empty actor', 2, ['--actor', '', '--max-ports', '5'], 'give --project or --actor'],
    ['both', 2, ['--project', 'a', '--actor', 'b', '--max-ports', '5'], 'cannot be used with'],
    ['no number', 2, ['--project', 'consilio'], 'give --max-ports or --per-minute'],
    ['a text', 2, ['--project', 'consilio', '--max-ports', 'few'], '--max-ports is "few"'],
    ['an unknown project', 3, ['--project', 'nothing', '--max-ports', '5'], 'nothing has no port'],
  ])('cannot be set with %s', async (_what, status, args, message) => {
    const ports = portsOn(await freshDatabase())
    const refused = await ports('limit', 'set', ...args)
    expect(refused).toMatchObject({ stdout: '', status })
    expect(refused.stderr).toContain(message)
  })
})
