import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { CLI, ended, environmentOn, portsIn } from '@ports/testkit'
import { databaseWithOwnNumbers, projectDirectory, skipBecause } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'
import published from '../../../publish/package.json' with { type: 'json' }
import { hasScript, SCRIPT, typed } from './script.js'

/** No command here needs a registry. */
const NO_DATABASE = 'postgresql://ports@127.0.0.1:1/ports'

type Files = Readonly<Record<string, string | object>>

/** The file that would be written in a directory with these files, and the notes on the rest. */
async function proposed(files: Files, below = '.') {
  const directory = projectDirectory({ '.git/HEAD': 'ref: refs/heads/main\n', ...files })
  const ports = portsIn(join(directory, below), NO_DATABASE)
  const { stdout, stderr, status } = await ports('init', '--dry-run')
  expect({ status }, stderr).toEqual({ status: 0 })
  expect(existsSync(join(directory, 'ports.json'))).toBe(false)
  const { project, services, $schema } = JSON.parse(stdout)
  return { project, services, $schema, said: stderr.trimEnd().split('\n').filter(Boolean) }
}

const SHOP = { name: '@acme/shop' }
const NAME = published.name

describe('ports init', () => {
  test('writes what it shows at the top of the repository, once', async () => {
    const directory = projectDirectory({
      'package.json': { ...SHOP, scripts: { dev: 'vite' } },
      '.git/HEAD': 'ref: refs/heads/main\n',
      'src/index.ts': '',
    })
    const path = join(directory, 'ports.json')
    const ports = portsIn(join(directory, 'src'), NO_DATABASE)
    const first = await ports('init')
    const content = readFileSync(path, 'utf8')
    expect(first).toEqual({
      stdout: '',
      stderr: `${path}:\n${content}Wrote ${path} with 1 service.\n`,
      status: 0,
    })
    expect(JSON.parse(content)).toEqual({
      project: 'acme-shop',
      services: { web: { command: 'npm run dev' } },
    })
    const again = await ports('init', '--yes')
    expect(again).toMatchObject({ stdout: '', status: 2 })
    expect(again.stderr).toBe(
      `error: ${path} already exists, and is not overwritten. Edit it instead.\n`,
    )
    expect(readFileSync(path, 'utf8')).toBe(content)
  })

  test('says that the file cannot be written', async () => {
    const directory = projectDirectory({ 'package.json': { ...SHOP, scripts: { dev: 'vite' } } })
    symlinkSync('nowhere', join(directory, 'ports.json'))
    const { stderr, status } = await portsIn(directory, NO_DATABASE)('init', '--yes')
    expect(status).toBe(2)
    expect(stderr).toMatch(
      /error: file is ".*\/ports\.json", but must be a file that can be written/,
    )
  })

  test('says that a workspace file is malformed, and goes on without it', async () => {
    const files = {
      'pnpm-workspace.yaml': 'packages:\n  - "a\n',
      'package.json': { ...SHOP, scripts: { dev: 'vite' } },
    }
    const { services, said } = await proposed(files)
    expect(services).toEqual({ web: { command: 'npm run dev' } })
    expect(said).toEqual([expect.stringMatching(/^- pnpm-workspace\.yaml: .* YAML \(/)])
  })

  test('writes a file that ports run understands', async () => {
    const directory = projectDirectory({
      'package.json': { ...SHOP, workspaces: ['packages/*'] },
      'packages/web/package.json': { name: '@acme/web', scripts: { dev: 'echo web has' } },
      'packages/api/package.json': { name: '@acme/api', scripts: { start: 'echo api has $PORT' } },
      'packages/my lib/package.json': { name: 'lib', scripts: { build: 'tsc' } },
    })
    const ports = portsIn(directory, await databaseWithOwnNumbers('acme-shop'))
    const { stdout } = await ports('init', '--yes', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      path: join(directory, 'ports.json'),
      written: true,
      omissions: [],
      file: { services: { 'acme-api': {}, 'acme-web': {} } },
    })
    expect((await ports('run', 'acme-api')).stdout).toMatch(/^api has \d+$/m)
  })

  test('gives the packages of a workspace the flags that their programs need', async () => {
    const { services, said } = await proposed({
      'package.json': { ...SHOP, scripts: { dev: 'turbo dev' } },
      'pnpm-lock.yaml': '',
      'pnpm-workspace.yaml': 'packages: [apps/*, "!apps/old", tools/**]\n',
      'apps/my web/package.json': { name: 'web', scripts: { dev: 'vite' } },
      'apps/old/package.json': { name: 'old', scripts: { dev: 'vite' } },
      'tools/a/b/package.json': { scripts: { dev: 'node b.js --port 4000' } },
      'node_modules/x/package.json': { name: 'x', scripts: { dev: 'vite' } },
    })
    expect(services).toEqual({
      web: {
        command: "cd 'apps/my web' && pnpm run dev --port $PORT --strictPort",
      },
      b: { command: 'cd tools/a/b && pnpm run dev', preferredPort: 4000 },
    })
    expect(said).toEqual(['- package.json, dev: the packages have services of their own'])
  })

  test('prefers a number only if a file fixes it', async () => {
    const fixed = await proposed({
      'package.json': { ...SHOP, scripts: { dev: 'vite' } },
      'vite.config.ts': `export default {
        // server: { port: 1 },
        server: { proxy: { '/api': 'http://localhost:2' }, port: 5174 },
      }`,
    })
    expect(fixed.services).toEqual({ web: { command: 'npm run dev', preferredPort: 5174 } })
    for (const port of ['Number(process.env.PORT)', 'base + 1', '5173 + offset']) {
      const { services } = await proposed({
        'package.json': { ...SHOP, scripts: { dev: `next dev -p \${PORT:-3000}` } },
        'vite.config.ts': `export default { server: { port: ${port} } }`,
        Procfile: `web: serve -p \${PORT:-8080}\n`,
        'compose.yaml': `services: { web: { build: ., ports: ["\${PORT:-3000}:80"] } }`,
        '.env': `PORT=\${BASE}1\n`,
      })
      expect(services).toEqual({ web: { command: 'npm run dev' } })
    }
  })

  test.each([
    ['astro.config.mjs', 'export default defineConfig({ server: { port: 4444 } })'],
    ['nuxt.config.ts', 'export default defineNuxtConfig({ devServer: { port: 4444 } })'],
    ['webpack.config.js', 'module.exports = { devServer: {\n port: 4444\n } }'],
    ['angular.json', { projects: { web: { architect: { serve: { options: { port: 4444 } } } } } }],
  ])('reads the port in %s', async (file, content) => {
    const { services } = await proposed({ 'package.json': SHOP, [file]: content })
    expect(services).toEqual({ web: { preferredPort: 4444 } })
  })

  test('finds services in a Procfile, a Compose file and .env, and says what is left out', async () => {
    const { project, services, said } = await proposed({
      'package.json': { ...SHOP, scripts: { start: 'node server.js' } },
      Procfile: 'web: node server.js\nws: node ws.js -p 4001\nworker: node worker.js\n',
      'compose.yaml': [
        'services:',
        '  admin:',
        '    build: admin',
        '    ports: ["8080:80", "9229:9229"]',
        '  db:',
        '    image: postgres',
        '    ports: ["5432:5432"]',
      ].join('\n'),
      '.env': 'PORT=3000\nMAIL_PORT=\nADMIN_PORT=8081\nAPI_URL=http://localhost:7000\n',
    })
    expect(project).toBe('acme-shop')
    expect(services).toEqual({
      web: { command: 'npm run start', preferredPort: 3000 },
      ws: { command: 'node ws.js -p 4001', preferredPort: 4001 },
      admin: { preferredPort: 8080 },
    })
    expect(said).toEqual([
      '- Procfile, line 1: node server.js, but web already has npm run start',
      '- Procfile, line 3: worker names no port',
      '- compose.yaml, line 3: 9229, but admin already has 8080',
      '- .env, line 3: 8081, but admin already has 8080',
      '- .env, line 2: MAIL_PORT is empty, which is not a port',
    ])
  })

  test.each([NAME, '@ports/core'])(
    'names the schema by its path if %s is installed in the repository',
    async (name) => {
      const schema = `node_modules/${name}/ports.schema.json`
      expect((await proposed({ [schema]: '{}' })).$schema).toBe(`./${schema}`)
      // As seen from the file, which is at the top.
      expect((await proposed({ [schema]: '{}', 'src/x': '' }, 'src')).$schema).toBe(`./${schema}`)
    },
  )

  test('prefers the schema of the package with everything in it', async () => {
    const schemas = [NAME, '@ports/core'].map((name) => `node_modules/${name}/ports.schema.json`)
    const { $schema } = await proposed(Object.fromEntries(schemas.map((path) => [path, '{}'])))
    expect($schema).toBe(`./${schemas[0]}`)
  })

  test('names no schema if none is installed, because other machines would not have it', async () => {
    expect(await proposed({ 'package.json': SHOP })).toMatchObject({ $schema: undefined, said: [] })
  })

  test('names the project after the directory if nothing else does', async () => {
    const { project, services } = await proposed({ 'garden/.git/HEAD': '' }, 'garden')
    expect({ project, services }).toEqual({ project: 'garden', services: {} })
  })

  test('goes on if a file is malformed, and says so', async () => {
    const { services, said } = await proposed({
      'compose.yaml': 'a: [',
      Procfile: 'web: serve -p $PORT\n',
    })
    expect(services).toEqual({ web: { command: 'serve -p $PORT' } })
    expect(said).toEqual([expect.stringMatching(/^- compose\.yaml: file is .*must be YAML/)])
  })

  test('goes on if files are directories, or a workspace is malformed', async () => {
    const odd = ['compose.yaml', 'Procfile', '.env', 'vite.config.ts', 'packages/a/package.json']
    const { services, said } = await proposed({
      'package.json': { ...SHOP, scripts: { dev: 'vite' } },
      'pnpm-lock.yaml': '',
      'pnpm-workspace.yaml': 'packages: [apps/*',
      ...Object.fromEntries(odd.map((name) => [`${name}/x`, ''])),
    })
    expect(services).toEqual({ web: { command: 'pnpm run dev' } })
    expect(said).toEqual([
      expect.stringMatching(/^- pnpm-workspace\.yaml: file is .* must be YAML \(/),
      expect.stringMatching(/^- Procfile: file is .*Procfile", but must be a regular file\.$/),
      expect.stringMatching(/^- compose\.yaml: file is .*, but must be a regular file\.$/),
      expect.stringMatching(/^- \.env: file is .*, but must be a regular file\.$/),
    ])
  })

  test('is refused in a directory that cannot be read', ({ skip }) => {
    if (process.getuid?.() !== 0) skipBecause(skip, 'only root can run it as another user')
    const directory = projectDirectory({})
    const options = { cwd: directory, encoding: 'utf8', uid: 65_534, gid: 65_534 } as const
    chmodSync(directory, 0o711)
    const { stdout, stderr, status } = spawnSync(process.execPath, [CLI, 'init'], options)
    expect({ stdout, status }, stderr).toEqual({ stdout: '', status: 2 })
    expect(stderr).toContain(
      `directory is "${directory}", but must be one that can be read (EACCES`,
    )
  })

  test('asks on a terminal, and writes nothing without a yes', async ({ skip }) => {
    if (!hasScript) skipBecause(skip, 'no util-linux script')
    const directory = projectDirectory({ 'package.json': SHOP })
    const env = environmentOn(NO_DATABASE)
    const { stdout, status } = await ended(SCRIPT, typed('init'), env, directory, 'n\n')
    expect(stdout).toContain('Write it? [y/N]')
    expect(stdout).toContain('Nothing was written.')
    expect(status).toBe(1)
    expect(existsSync(join(directory, 'ports.json'))).toBe(false)
  })
})
