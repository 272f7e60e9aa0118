import { portsOn } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'

const printed = (...numbers: number[]) => ({
  stdout: numbers.map((port) => `${port}\n`).join(''),
  stderr: '',
  status: 0,
})

/** What is printed for services that had no port. */
const given = (services: readonly string[], ...numbers: number[]) => ({
  ...printed(...numbers),
  stderr: services
    .map((name) => `Allocated just now: consilio/${name} had no port on localhost/tcp.\n`)
    .join(''),
})

test('get prints the ports of several services, a number a line, in their order', async () => {
  const ports = portsOn(await freshDatabase())
  const services = ['web', 'api', 'worker']
  expect(await ports('get', 'consilio', ...services)).toEqual(given(services, 3100, 3101, 3102))
  expect(await ports('get', 'consilio', 'worker', 'web')).toEqual(printed(3102, 3100))
  expect(await ports('get', 'consilio', 'api')).toEqual(printed(3101))
})

test('get prints several ports of a service, contiguous or the same for both protocols', async () => {
  const ports = portsOn(await freshDatabase())
  await ports('claim', 'consilio', 'web', '3102')
  const block = [3103, 3104, 3105, 3106]
  const rtp = ['get', 'consilio', 'rtp', '--count', '4', '--contiguous']
  expect(await ports(...rtp)).toEqual(given(['rtp'], ...block))
  expect(await ports(...rtp)).toEqual(printed(...block))
  expect(await ports('get', 'consilio', 'worker', '--count', '3')).toEqual(
    given(['worker'], 3100, 3101, 3107),
  )
  const dns = ['get', 'consilio', 'dns', '--both-protocols']
  expect(await ports(...dns)).toMatchObject({ stdout: '3108\n', status: 0 })
  expect(await ports(...dns)).toEqual(printed(3108))
  const { stdout } = await ports('get', 'consilio', 'dns', 'web', '--both-protocols', '--json')
  expect(stdout).toBe('')
  const json = await ports(...dns, '--json')
  const holder = { projectName: 'consilio', serviceName: 'dns', hostname: 'localhost', port: 3108 }
  expect(JSON.parse(json.stdout)).toMatchObject({
    allocations: [
      { ...holder, protocol: 'tcp', created: false },
      { ...holder, protocol: 'udp', created: false },
    ],
    skipped: [],
  })
})

test('get allocates nothing where not everything fits, and says what would', async () => {
  const ports = portsOn(await freshDatabase())
  await ports('range', 'create', 'shop', '--start', '8000', '--end', '8003')
  await ports('claim', 'shop', 'api', '8001')
  const refused = await ports('get', 'shop', 'rtp', '--count', '3', '--contiguous')
  expect(refused).toMatchObject({ stdout: '', status: 4 })
  expect(refused.stderr).toContain('the largest block that is available has 2')
  expect(refused.stderr).toContain('To see the holders: ports list shop')
  expect(await ports('get', 'shop', 'a', 'b', 'c', 'd')).toMatchObject({ stdout: '', status: 4 })
  expect(JSON.parse((await ports('list', 'shop', '--json')).stdout)).toHaveLength(1)
})

test('get refuses a service that holds something else, and says what', async () => {
  const ports = portsOn(await freshDatabase())
  await ports('get', 'consilio', 'rtp')
  const refused = await ports('get', 'consilio', 'web', 'rtp', '--count', '2')
  expect(refused).toMatchObject({ stdout: '', status: 4 })
  expect(refused.stderr).toContain('consilio/rtp holds 3100/tcp on localhost')
  expect(refused.stderr).toContain('To see what it holds: ports list consilio --service rtp')
})

test('get creates a range for several services if asked', async () => {
  const ports = portsOn(await freshDatabase())
  const got = await ports('get', 'shop', 'web', 'api', '--create-range')
  expect(got).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\n\d+\n$/) })
})

test.each([
  [['web', 'web'], 'error: service is "web", but must be named once'],
  [['web', '../'], 'error: service is "../"'],
  [['web', '--count', '0'], 'error: --count is 0'],
  [['web', '--count', 'four'], 'error: --count is "four"'],
  [['web', 'api', '--prefer', '3105'], 'prefer is 3105'],
  [['web', '--both-protocols', '--protocol', 'udp'], 'cannot be used with'],
  [[], "missing required argument 'service'"],
])('get refuses %j', async (words, message) => {
  const ports = portsOn(await freshDatabase())
  const refused = await ports('get', 'consilio', ...words)
  expect(refused).toMatchObject({ stdout: '', status: 2 })
  expect(refused.stderr).toContain(message)
})

test('allocate prints so many more, and the same again under the same key', async () => {
  const ports = portsOn(await freshDatabase())
  await ports('get', 'consilio', 'rtp')
  const more = ['allocate', 'consilio', 'rtp', '--count', '3', '--contiguous']
  const keyed = [...more, '--idempotency-key', 'deploy 7']
  expect(await ports(...keyed)).toEqual(printed(3101, 3102, 3103))
  expect(await ports(...keyed)).toEqual(printed(3101, 3102, 3103))
  expect(await ports(...more)).toEqual(printed(3104, 3105, 3106))
  expect(JSON.parse((await ports(...keyed, '--json')).stdout)).toEqual({
    ports: [3101, 3102, 3103],
    allocations: [3101, 3102, 3103].map((port) =>
      expect.objectContaining({ id: expect.any(String), port }),
    ),
    projectName: 'consilio',
    serviceName: 'rtp',
    instance: '',
    hostname: 'localhost',
    protocol: 'tcp',
  })
})
