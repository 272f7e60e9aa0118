import { describe, expect, test } from 'vitest'
import { importPlan } from './importPlan.js'

const SHOP = { project: 'shop', services: { web: {}, web_api: {} } }

const plan = (content: string, files: Readonly<Record<string, string | object>> = {}) => {
  const project = { 'package.json': { name: 'shop' } }
  return importPlan({ '.env': content, ...project, ...files }, ['--env', '.env'])
}

describe('import --env', () => {
  test.each([
    ['PORT=3000', 'web', 3000],
    ['export PORT=3000', 'web', 3000],
    ['PORT="3000" # x', 'web', 3000],
    ["PORT='3000'\r", 'web', 3000],
    ['API_PORT=4000', 'api', 4000],
    ['WEB_API_PORT=4000', 'web-api', 4000],
    ['API_URL=http://localhost:4000/v1', 'api', 4000],
    ['NEXT_PUBLIC_API_BASE_URL=http://127.0.0.1:4000', 'api', 4000],
    ['REDIS_URL="redis://:p$s@[::1]:6379/0"', 'redis', 6379],
    ['DB_HOST=localhost\nDB_PORT=5432', 'db', 5432],
  ])('imports the number of %j', async (content, service, port) => {
    const { rows, notes } = await plan(content)
    expect(notes).toEqual([])
    expect(rows).toEqual([`+ localhost/tcp ${port} shop/${service}`])
  })

  test.each([
    [`PORT=\${BASE}1`, 'PORT refers to other variables'],
    [`API_URL=http://localhost:\${PORT}/v1`, 'API_URL refers to other variables'],
    ['PORT=', 'PORT is empty, which is not a port'],
    ['API_PORT=0', 'API_PORT is 0, which is not a port'],
    [
      'SMTP_PORT=587\nSMTP_HOST=mail.example.com',
      'SMTP_PORT is a port on mail.example.com, according to SMTP_HOST',
    ],
    ['ORIGINS=http://localhost:3000,http://localhost:4000', 'ORIGINS has several URLs'],
    ['API_URL=http://localhost:99999', 'API_URL has 99999, which is not a port'],
  ])('imports nothing of %j, and says why', async (content, reason) => {
    const { rows, notes } = await plan(content)
    expect(rows).toEqual([])
    expect(notes).toEqual([`- .env, line 1: ${reason}: nothing to import`])
  })

  test('ignores everything that is not a port of this host', async () => {
    const content =
      '# PORT=1\nREPORT=3000\nAPI_URL=https://api.example.com:8443\nHOME_URL=http://localhost\n'
    expect(await plan(content)).toEqual({ rows: [], notes: [], total: 'Nothing to import.' })
  })

  test('names services as ports.json does, and the service of PORT only if there is just one', async () => {
    const several = await plan('PORT=3000\nWEB_API_PORT=4000', { 'ports.json': SHOP })
    expect(several.rows).toEqual(['+ localhost/tcp 4000 shop/web_api'])
    expect(several.notes).toEqual([
      '- .env, line 1: PORT does not say which service uses 3000: nothing to import',
    ])
    const one = await plan('PORT=3000', {
      'ports.json': { project: 'shop', services: { site: {} } },
    })
    expect(one.rows).toEqual(['+ localhost/tcp 3000 shop/site'])
  })

  test('proposes a number once, for the service that has it as its port', async () => {
    const { rows, notes } = await plan(
      'APP_URL=http://localhost:3000\nAPI_URL=http://localhost:4000\nPORT=3000\nAPI_PORT=4000\n',
    )
    expect(rows).toEqual(['+ localhost/tcp 3000 shop/web', '+ localhost/tcp 4000 shop/api'])
    expect(notes).toEqual([
      '- .env, line 1: app also uses 3000, which is the port of web (line 3): nothing to import',
    ])
  })

  test('reads a long value that is no URL', async () => {
    const { rows } = await plan(`NAMES=${'a.'.repeat(500_000)}\nPORT=3000\n`)
    expect(rows).toEqual(['+ localhost/tcp 3000 shop/web'])
  })

  test('reads no variables in a value of several lines', async () => {
    const content = [
      'export KEY="-----BEGIN',
      'ADMIN_PORT=1"',
      "MORE = 'it is",
      "API_PORT=2' # WS_PORT=3",
      'SAID=`PORT=4`',
      "# don't",
      'OPEN="never closed',
      'API_PORT=4000',
      "WEB_PORT='4001'",
    ].join('\n')
    const { rows, notes } = await plan(`${content}\nWS_PORT=0`)
    expect(rows).toEqual(['+ localhost/tcp 4000 shop/api', '+ localhost/tcp 4001 shop/web'])
    expect(notes).toEqual(['- .env, line 10: WS_PORT is 0, which is not a port: nothing to import'])
  })

  test('takes the last of two values, with its line', async () => {
    const { rows, notes } = await plan('PORT=3000\nPORT=0\n')
    expect(rows).toEqual([])
    expect(notes).toEqual(['- .env, line 2: PORT is 0, which is not a port: nothing to import'])
  })
})
