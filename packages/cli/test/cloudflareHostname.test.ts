import { portsOn } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'

const named = ['--cloudflare-hostname', 'shop.example.com']
const warning =
  'warning: consilio/web has the Cloudflare hostname shop.example.com too. It can lead to only one of them.\n'

test.each([
  ['get', ['get', 'odin', 'api', ...named]],
  ['claim', ['claim', 'odin', 'api', '3350', ...named]],
  ['allocate', ['allocate', 'odin', 'api', ...named]],
  ['update', ['update', 'odin', 'api', ...named]],
])('%s warns that another service has the Cloudflare hostname', async (_command, args) => {
  const ports = portsOn(await freshDatabase())
  await ports('get', 'odin', 'api')
  const alone = await ports(...args)
  expect(alone.status).toBe(0)
  expect(alone.stderr).not.toContain('warning')
  await ports('get', 'consilio', 'web', ...named)

  const { stderr, status } = await ports(...args)
  expect(stderr).toContain(warning)
  expect(status).toBe(0)
  const json = await ports(...args, '--json')
  expect(JSON.parse(json.stdout).warnings).toEqual([
    {
      code: 'SAME_CLOUDFLARE_HOSTNAME',
      message: warning.slice('warning: '.length, -1),
      services: ['consilio/web'],
    },
  ])
})

test('a Cloudflare hostname may be a wildcard', async () => {
  const ports = portsOn(await freshDatabase())
  const wildcard = ['--cloudflare-hostname', '*.Example.com']
  expect(await ports('get', 'consilio', 'web', ...wildcard)).toMatchObject({ status: 0 })
  expect(JSON.parse((await ports('list', '--json')).stdout)).toMatchObject([
    { cloudflareHostname: '*.example.com' },
  ])
  const inside = await ports('get', 'consilio', 'api', '--cloudflare-hostname', 'a.*.com')
  expect(inside).toMatchObject({ stdout: '', status: 2 })
})
