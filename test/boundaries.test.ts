import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Which of our packages each may use; `main.ts`, which assembles an interface, the store as well. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  db: ['core'],
  'mcp-server': ['core'],
  cli: ['core'],
}
const INTERFACES = ['mcp-server', 'cli']
/** Packages for development only. They may use everything, and nothing that is published uses them. */
const FOR_DEVELOPMENT = ['bench', 'failover', 'testkit', 'torture']
const SDK_FILES_AT_MOST = 2

/** By its path from the root, with slashes. */
interface Source {
  readonly path: string
  readonly text: string
}

interface Import {
  readonly from: string
  /** Erased when compiled: nothing is loaded at run time. */
  readonly isType: boolean
}

const IMPORTS = [
  // import x from 'y', import { x } from 'y', export * from 'y'
  /^[ \t]*(?:import|export)\s+(?<type>type\s)?[^'"`;()=]*?\bfrom\s*['"](?<from>[^'"]+)['"]/gm,
  // import 'y'
  /^[ \t]*import\s*['"](?<from>[^'"]+)['"]/gm,
  // import('y'), require('y'), require.resolve('y'), typeof import('y')
  /(?<type>\btypeof\s+)?\b(?:import|require|require\.resolve)\s*\(\s*['"`](?<from>[^'"`]+)['"`]/g,
]

function importsOf({ text }: Source): Import[] {
  return IMPORTS.flatMap((pattern) =>
    [...withoutComments(text).matchAll(pattern)].map(({ groups }) => ({
      from: groups!.from!,
      isType: groups!.type !== undefined,
    })),
  )
}

/** As far as these rules need it: a comment may name what the code may not use. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

/** Of a file in a package: `packages/cli/src/main.ts` is of `cli`. */
function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1]
}

/** Our package that an import leads to, by its name or by a path that leaves the importing one. */
function ourPackage(source: Source, { from }: Import): string | undefined {
  if (from.startsWith('@ports/')) return from.split('/')[1]
  if (!from.startsWith('.')) return undefined
  const target = packageOf(posix.join(posix.dirname(source.path), from))
  return target === packageOf(source.path) ? undefined : (target ?? 'outside')
}

function isMain({ path }: Source): boolean {
  return /^packages\/[^/]+\/src\/main\.ts$/.test(path)
}

/** Every breach of the rules, as `path: what`. */
function breaches(sources: readonly Source[]): string[] {
  const found = sources.flatMap((source) =>
    [...wrongImports(source), ...wrongEnvironment(source)].map((what) => `${source.path}: ${what}`),
  )
  const withSdk = sources.filter((source) => importsOf(source).some(({ from }) => isSdk(from)))
  if (withSdk.length > SDK_FILES_AT_MOST) {
    found.push(`the MCP SDK is in ${withSdk.map(({ path }) => path).join(', ')}`)
  }
  return found
}

function isSdk(from: string): boolean {
  return from.startsWith('@modelcontextprotocol/')
}

function wrongImports(source: Source): string[] {
  const name = packageOf(source.path)!
  const computed = withoutComments(source.text).match(
    // A method may have that name.
    /(?<!\.|\basync\s)\bimport\s*\((?!\s*['"`][^$'"`]+['"`]\s*[,)]).*/g,
  )
  const wrong = (computed ?? []).map((text) => `${text} imports what no rule sees`)
  const named = importsOf(source).flatMap((imported) => {
    if (isSdk(imported.from)) return name === 'mcp-server' ? [] : [`imports ${imported.from}`]
    const target = ourPackage(source, imported)
    const assembles = INTERFACES.includes(name) && isMain(source)
    // A command may use the types of the package that knows the database.
    const describes = name === 'cli' && imported.isType
    const isAllowed =
      target === undefined ||
      MAY_IMPORT[name]!.includes(target) ||
      (target === 'db' && (assembles || describes))
    return isAllowed ? [] : [`imports ${imported.from}`]
  })
  return [...wrong, ...named]
}

function wrongEnvironment(source: Source): string[] {
  const name = packageOf(source.path)!
  const code = withoutComments(source.text)
  const wrong = importsOf(source)
    .filter(({ from }) => /^(node:)?process$/.test(from))
    .map(({ from }) => `imports ${from}, whose env no rule sees`)
  if (/(?<!PORTS_)\bDATABASE_URL\b/.test(code)) wrong.push('names DATABASE_URL')
  if (INTERFACES.includes(name) && isMain(source)) return wrong
  for (const [read, variable] of code.matchAll(
    /\bprocess\s*(?:\?\.|\.|\[['"])\s*env\b(?:\.(\w+))?/g,
  )) {
    if (!mayRead(source, variable)) wrong.push(`reads ${read}`)
  }
  return wrong
}

function mayRead({ path }: Source, variable: string | undefined): boolean {
  if (path === 'packages/core/src/PortManager.ts') {
    return variable === 'PORTS_HOSTNAME'
  }
  if (path === 'packages/core/src/passedOver/passOver.ts') return variable === 'PORTS_PASS_OVER'
  if (path === 'packages/core/src/project/instanceOfEnvironment.ts') {
    return /^PORTS_(INSTANCE|PROJECT|CHECKOUT)$/.test(variable ?? '')
  }
  if (path === 'packages/core/src/containers/apiSockets.ts') {
    return ['DOCKER_HOST', 'CONTAINER_HOST', 'XDG_RUNTIME_DIR'].includes(variable ?? '')
  }
  if (path === 'packages/core/src/actor.ts') return variable === 'PORTS_ACTOR'
  if (path === 'packages/db/src/settings/settingsFiles.ts') return variable === 'XDG_CONFIG_HOME'
  // The embedded server's own processes get the PATH.
  return packageOf(path) === 'db' && /^(PORTS_\w+|PATH)$/.test(variable ?? '')
}

function read(directory: string): Source[] {
  return readdirSync(ROOT + directory, { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(directory, name.replaceAll('\\', '/')))
    .filter((path) => /\.[cm]?tsx?$/.test(path) && !path.includes('/generated/'))
    .map((path) => ({ path, text: readFileSync(ROOT + path, 'utf8') }))
}

const packages = Object.keys(MAY_IMPORT)
const sources = [
  ...packages.flatMap((name) => read(`packages/${name}/src`)),
  ...read('packages/core/testing'),
]

describe('the packages', () => {
  it('are those that the rules know', () => {
    const known = [...packages, ...FOR_DEVELOPMENT].sort()
    expect(readdirSync(`${ROOT}packages`).sort()).toEqual(known)
  })

  it('import one another as the design has it, and read the environment where it says', () => {
    expect(breaches(sources)).toEqual([])
  })

  it('are read whole: each uses what it may', () => {
    for (const [user, used] of [
      ['db', 'core'],
      ['mcp-server', 'core'],
      ['mcp-server', 'db'],
      ['cli', 'core'],
      ['cli', 'db'],
    ]) {
      const uses = sources
        .filter(({ path }) => packageOf(path) === user)
        .some((source) => importsOf(source).some((it) => ourPackage(source, it) === used))
      expect(uses, `${user} uses ${used}`).toBe(true)
    }
    expect(sources.some((source) => importsOf(source).some(({ from }) => isSdk(from)))).toBe(true)
  })

  it.each([
    ['core', []],
    ['db', ['@ports/core']],
    ['mcp-server', ['@ports/core', '@ports/db']],
    ['cli', ['@ports/core', '@ports/db']],
  ])('depend on one another as %s does', (name, expected) => {
    const manifest = JSON.parse(readFileSync(`${ROOT}packages/${name}/package.json`, 'utf8'))
    const { dependencies, devDependencies, peerDependencies, optionalDependencies } = manifest
    const all = {
      ...dependencies,
      ...devDependencies,
      ...peerDependencies,
      ...optionalDependencies,
    }
    expect(Object.keys(all).filter((dependency) => dependency.startsWith('@ports/'))).toEqual(
      expected,
    )
  })

  it('leave DATABASE_URL to the projects around them in Prisma’s configuration too', () => {
    for (const path of ['prisma.config.ts', 'prisma/schema.prisma']) {
      const text = withoutComments(readFileSync(ROOT + path, 'utf8'))
      expect(text, path).not.toMatch(/(?<!PORTS_)\bDATABASE_URL\b/)
    }
  })
})

describe('the rules', () => {
  const breach = (path: string, text: string) => breaches([{ path: `packages/${path}`, text }])

  it.each([
    ['core/src/x.ts', "import { openRepository } from '@ports/db'"],
    ['core/src/x.ts', "import type { DatabaseStatus } from '@ports/db'"],
    ['core/src/x.ts', "import { x } from '../../db/src/index.js'"],
    ['core/testing/x.ts', "export * from '@ports/db'"],
    ['core/src/main.ts', "import '@ports/db'"],
    ['db/src/x.ts', "import { createProgram } from '@ports/cli'"],
    ['db/src/main.ts', "const server = await import('@ports/mcp-server')"],
    ['db/src/deep/x.ts', "import x from '../../../../test/server.js'"],
    ['cli/src/commands/get.ts', "import { openRepository } from '@ports/db'"],
    ['cli/src/commands/get.ts', "import {\n  openRepository,\n  seed,\n} from '@ports/db'"],
    ['cli/src/commands/get.ts', "import { type DatabaseStatus } from '@ports/db'"],
    ['cli/src/commands/get.ts', "export { openRepository } from '@ports/db'"],
    ['cli/src/commands/get.ts', "const { seed } = await import('@ports/db')"],
    ['cli/src/commands/get.ts', "import { readSettings } from '@ports/db/settings'"],
    ['cli/src/commands/get.ts', 'const { seed } = await import(`@ports/db`)'],
    ['cli/src/commands/get.ts', "const { seed } = require('@ports/db')"],
    ['cli/src/commands/main.ts', "import { openRepository } from '@ports/db'"],
    ['cli/src/main.ts', "import { createServer } from '@ports/mcp-server'"],
    ['cli/src/main.ts', "import { Server } from '@modelcontextprotocol/sdk/server/index.js'"],
    ['mcp-server/src/tools/x.ts', "import type { DatabaseStatus } from '@ports/db'"],
    ['mcp-server/src/tools/x.ts', "import '../../../db/src/seed.js'"],
    ['mcp-server/src/main.ts', "import { createProgram } from '@ports/cli'"],
  ])('find in %s: %s', (path, text) => {
    expect(breach(path, text)).toEqual([
      expect.stringMatching(`^packages/${path}: imports [@./].*`),
    ])
    // In the midst of others, too.
    const around = `import a from 'node:fs'\n${text}\nexport const b = 1\nexport { c } from './c.js'`
    expect(breach(path, around)).toHaveLength(1)
  })

  it.each([
    ['core/src/x.ts', "import { posix } from 'node:path'\nexport * from './errors.js'"],
    ['core/testing/x.ts', "import type { PortRange } from '../src/PortRange.js'"],
    ['db/src/x.ts', "import { PortsError } from '@ports/core'"],
    ['db/src/embedded/x.ts', "import { migrate } from '../migrate.js'"],
    ['cli/src/x.ts', "import type { DatabaseStatus } from '@ports/db'"],
    ['cli/src/x.ts', "import type { Setting } from '@ports/db/settings'"],
    ['cli/src/x.ts', "import { PortsError } from '@ports/core' // not from '@ports/db'"],
    ['cli/src/x.ts', "/** See import('@ports/db'). */\nexport const x = 'https://a.example'"],
    ['cli/src/main.ts', "const { openRepository } = await import('@ports/db')"],
    ['mcp-server/src/main.ts', "import { openRepository } from '@ports/db'"],
    ['mcp-server/src/x.ts', "import { Server } from '@modelcontextprotocol/sdk/server/index.js'"],
    ['cli/src/main.ts', 'const { COLUMNS } = process.env'],
    ['core/src/PortManager.ts', 'const name = process.env.PORTS_HOSTNAME'],
    ['core/src/passedOver/passOver.ts', 'const passOver = process.env.PORTS_PASS_OVER'],
    ['core/src/containers/apiSockets.ts', 'const host = process.env.DOCKER_HOST'],
    ['db/src/x.ts', 'const home = process.env.PORTS_HOME'],
    ['db/src/settings/settingsFiles.ts', 'const it = process.env.XDG_CONFIG_HOME'],
    ['db/src/x.ts', 'const env = { PATH: process.env.PATH }'],
    ['db/src/x.ts', '// Never DATABASE_URL.\nconst url = process.env.PORTS_DATABASE_URL'],
  ])('find nothing in %s: %s', (path, text) => {
    expect(breach(path, text)).toEqual([])
  })

  it.each([
    ['core/src/x.ts', 'const name = process.env.PORTS_HOSTNAME', 'reads process.env'],
    ['core/src/PortManager.ts', 'const home = process.env.PORTS_HOME', 'reads process.env'],
    ['core/src/PortManager.ts', 'const { PORTS_HOSTNAME } = process.env', 'reads process.env'],
    ['core/src/containers/readContainers.ts', 'const x = process.env.DOCKER_HOST', 'reads process'],
    ['core/src/containers/apiSockets.ts', 'const home = process.env.HOME', 'reads process.env'],
    ['db/src/x.ts', 'const home = process.env.HOME', 'reads process.env'],
    ['db/src/x.ts', 'const directory = process.env.XDG_CONFIG_HOME', 'reads process.env'],
    ['db/src/settings/settingsFiles.ts', 'const home = process.env.HOME', 'reads process.env'],
    ['db/src/x.ts', 'const env = { ...process.env }', 'reads process.env'],
    ['db/src/main.ts', "const home = process['env'].HOME", "reads process['env"],
    ['cli/src/x.ts', 'const isPlain = process.env.NO_COLOR', 'reads process.env'],
    ['mcp-server/src/x.ts', 'const url = process.env.PORTS_DATABASE_URL', 'reads process.env'],
    ['cli/src/x.ts', "import { env } from 'node:process'", 'imports node:process'],
    ['cli/src/main.ts', 'const url = process.env.DATABASE_URL', 'names DATABASE_URL'],
    ['mcp-server/src/main.ts', 'const { DATABASE_URL } = process.env', 'names DATABASE_URL'],
    ['cli/src/main.ts', "const url = process.env['DATABASE_URL']", 'names DATABASE_URL'],
  ])('find in %s what it may not read: %s', (path, text, what) => {
    expect(breach(path, text)).toEqual([expect.stringContaining(`packages/${path}: ${what}`)])
  })

  it('find an import that is computed', () => {
    for (const text of ['await import(name)', "await import('./commands/' + name)"]) {
      expect(breach('cli/src/x.ts', text)[0]).toContain('imports what no rule sees')
    }
  })

  it('find the MCP SDK in a third file', () => {
    const using = (name: string) => ({
      path: `packages/mcp-server/src/${name}.ts`,
      text: "import { z } from '@modelcontextprotocol/sdk/types.js'",
    })
    expect(breaches([using('index'), using('main')])).toEqual([])
    expect(breaches([using('index'), using('main'), using('third')])).toEqual([
      expect.stringMatching(/^the MCP SDK is in .*third\.ts$/),
    ])
  })
})
