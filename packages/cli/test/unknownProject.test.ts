import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { portsOn, textsIn } from '@ports/testkit'
import { faultyProxy, freshDatabase, projectDirectory } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'

const commandsOn = (projectName: string): Readonly<Record<string, string[]>> => ({
  get: ['get', projectName, 'api'],
  'get with metadata': ['get', projectName, 'api', '--type', 'http'],
  allocate: ['allocate', projectName, 'api'],
  release: ['release', projectName, 'api'],
  update: ['update', projectName, 'api', '--type', 'http'],
  list: ['list', projectName],
  summary: ['summary', projectName],
})

test.each(Object.entries(commandsOn('nosuch')))(
  '%s tells that a project is unknown after no other statements than for a known one',
  async (name, command) => {
    let statements: string[] = []
    const proxy = await faultyProxy(await freshDatabase(), {
      onRequest: (type, body) => {
        const [first = '', second = ''] = textsIn(body)
        if (type === 'Q') statements.push(first)
        // Parse: the name of the prepared statement comes first.
        if (type === 'P') statements.push(second)
      },
    })
    const ports = portsOn(proxy.url)
    // A service without a port is looked for in other instances, and one with a port is not
    // allocated another by get.
    if (!name.startsWith('get')) await ports('get', 'consilio', 'api')
    statements = []
    await ports(...commandsOn('consilio')[name]!)
    const ofKnown = statements
    expect(ofKnown.at(-1)).toContain('ports.')
    statements = []
    const { stderr, status } = await ports(...command)
    expect(status, stderr).toBe(3)
    expect(stderr).toContain('known projects: meta-supervisor, consilio,')
    expect(statements).not.toEqual([])
    expect(statements).toEqual(ofKnown.slice(0, statements.length))
  },
)

/** Runs the command, and returns the addresses of all scripts that it loaded. */
async function scriptsOf(url: string, ...command: string[]): Promise<string[]> {
  const directory = projectDirectory({})
  await portsOn(url, { NODE_V8_COVERAGE: directory })(...command)
  return readdirSync(directory).flatMap((file) => {
    const { result } = JSON.parse(readFileSync(join(directory, file), 'utf8'))
    return result.map(({ url: script }: { url: string }) => script)
  })
}

const isPrisma = (script: string) => /prisma/i.test(script)

test.each(
  Object.entries({
    ...commandsOn('nosuch'),
    'range create': ['range', 'create', 'shop', '--size', '10'],
    'range resize': ['range', 'resize', 'consilio', '--start', '3100', '--end', '3150'],
    'range delete': ['range', 'delete', 'odin'],
  }),
)('%s does not load Prisma', async (_name, command) => {
  const scripts = await scriptsOf(await freshDatabase(), ...command)
  expect(scripts.filter((script) => script.endsWith('/db/dist/index.js'))).toHaveLength(1)
  expect(scripts.filter(isPrisma)).toEqual([])
})
