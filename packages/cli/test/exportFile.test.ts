import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { ended, portsIn } from '@ports/testkit'
import { projectDirectory } from '@ports/testkit/vitest'
import { beforeAll, describe, expect, test } from 'vitest'
import { registryToExport } from './exported.js'

let url: string
beforeAll(async () => {
  url = await registryToExport()
})

const SITE = '# shop/api: REST API\napi.example.com {\n\treverse_proxy 127.0.0.1:3100\n}\n'

/** A directory with these files, the command in it, and what a file of it contains. */
function place(files: Readonly<Record<string, string>> = {}) {
  const directory = projectDirectory(files)
  return {
    directory,
    ports: portsIn(directory, url),
    read: (name: string) => readFileSync(join(directory, name), 'utf8'),
  }
}

describe('export --output', () => {
  test('writes a new file, replaces its own, and leaves one that is up to date', async () => {
    const { directory, ports, read } = place()
    const { stdout } = await ports('export', 'caddy')
    expect(await ports('export', 'caddy', '--output', 'Caddyfile')).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining('Wrote 7 services to Caddyfile.\n'),
      status: 0,
    })
    expect(read('Caddyfile')).toBe(stdout)
    const longAgo = new Date('2020-01-01')
    utimesSync(join(directory, 'Caddyfile'), longAgo, longAgo)
    expect((await ports('export', 'caddy', '-o', 'Caddyfile')).stderr).toContain(
      'Caddyfile is up to date, with 7 services.\n',
    )
    expect(statSync(join(directory, 'Caddyfile')).mtime).toEqual(longAgo)
    expect((await ports('export', 'caddy', 'shop', '-o', 'Caddyfile')).status).toBe(0)
    expect(read('Caddyfile')).toBe((await ports('export', 'caddy', 'shop')).stdout)
    expect(readdirSync(directory)).toEqual(['Caddyfile'])
  })

  test('refuses a file that it did not write, unless it has a block or --force is given', async () => {
    const { directory, ports, read } = place({ Caddyfile: 'example.org\n', empty: ' \n' })
    const refused = await ports('export', 'caddy', '-o', 'Caddyfile')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain('"Caddyfile", but must be a new file, one that ports export')
    expect(await ports('export', 'caddy', '-o', 'Caddyfile', '--check')).toMatchObject({
      status: 2,
    })
    expect(read('Caddyfile')).toBe('example.org\n')
    expect((await ports('export', 'caddy', '-o', 'Caddyfile', '--force')).status).toBe(0)
    expect((await ports('export', 'caddy', '-o', 'empty')).status).toBe(0)
    expect(read('Caddyfile')).toBe(read('empty'))
    expect(readdirSync(directory)).toEqual(['Caddyfile', 'empty'])
  })

  test('keeps the mode, and follows symbolic links, also to a file that is not there yet', async () => {
    const { directory, ports, read } = place({ 'real/Caddyfile': '# ports: begin\n# ports: end\n' })
    chmodSync(join(directory, 'real/Caddyfile'), 0o640)
    symlinkSync('real/Caddyfile', join(directory, 'link'))
    symlinkSync('real/new', join(directory, 'dangling'))
    for (const link of ['link', 'dangling']) {
      expect((await ports('export', 'caddy', 'shop', '-o', link)).status).toBe(0)
      expect(lstatSync(join(directory, link)).isSymbolicLink()).toBe(true)
      expect(read(link)).toContain(SITE)
    }
    expect(statSync(join(directory, 'real/Caddyfile')).mode & 0o777).toBe(0o640)
    expect(readdirSync(join(directory, 'real')).sort()).toEqual(['Caddyfile', 'new'])
  })

  test('puts a whole file in place of the old one, which a reader may have open', async () => {
    const { directory, ports, read } = place()
    await ports('export', 'caddy', 'shop', '-o', 'Caddyfile')
    const before = read('Caddyfile')
    linkSync(join(directory, 'Caddyfile'), join(directory, 'open'))
    await ports('export', 'caddy', '-o', 'Caddyfile')
    expect(read('open')).toBe(before)
    expect(read('Caddyfile')).toBe((await ports('export', 'caddy')).stdout)
    expect(readdirSync(directory)).toEqual(['Caddyfile', 'open'])
  })

  test.each([
    ['a directory', 'sub'],
    ['a file in a directory that is not there', 'nosuch/Caddyfile'],
    ['a file that is not UTF-8', 'latin1'],
    ['a device', '/dev/null'],
  ])('refuses %s', async (_, name) => {
    const { directory, ports } = place()
    mkdirSync(join(directory, 'sub'))
    writeFileSync(
      join(directory, 'latin1'),
      Buffer.from('# ports: begin\n# ports: end\n# \xe9', 'latin1'),
    )
    const refused = await ports('export', 'caddy', '-o', name)
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain(`output is "${name}", but must be a text file`)
    expect(existsSync(join(directory, 'nosuch'))).toBe(false)
  })
})

describe('export --check', () => {
  test('prints the difference with status 1, and nothing with status 0', async () => {
    const { directory, ports, read } = place()
    const check = (...args: string[]) =>
      ports('export', 'caddy', 'shop', '-o', 'f', '--check', ...args)
    const missing = await check()
    expect(missing.status).toBe(1)
    expect(missing.stdout).toMatch(/^--- \/dev\/null\n\+\+\+ f\n@@ -0,0 \+1,\d+ @@\n\+# Written by/)
    expect(readdirSync(directory)).toEqual([])
    await ports('export', 'caddy', 'shop', '-o', 'f')
    expect(await check()).toMatchObject({ stdout: '', status: 0 })
    const edited = read('f').replace('3100', '4100')
    writeFileSync(join(directory, 'f'), edited)
    const drift = await check()
    expect(drift.status).toBe(1)
    expect(drift.stdout).toMatch(
      /^--- f\n\+\+\+ f\n@@ .* @@\n(?: .*\n){3}-\treverse_proxy 127\.0\.0\.1:4100\n\+\treverse_proxy 127\.0\.0\.1:3100\n/m,
    )
    expect(read('f')).toBe(edited)
    expect(JSON.parse((await check('--json')).stdout)).toMatchObject({
      file: join(directory, 'f'),
      changes: true,
      difference: drift.stdout,
    })
  })

  test('prints a difference that patch applies', async () => {
    const { directory, ports, read } = place({ f: 'a\n# ports: begin\nold\n# ports: end\nz' })
    const { stdout } = await ports('export', 'nginx', 'shop', '-o', 'f', '--check')
    writeFileSync(join(directory, 'difference'), stdout)
    const applied = await ended(
      'git',
      ['apply', '-p0', 'difference'],
      { PATH: process.env.PATH! },
      directory,
    )
    expect(applied, applied.stderr).toMatchObject({ status: 0 })
    expect((await ports('export', 'nginx', 'shop', '-o', 'f', '--check')).status).toBe(0)
    expect(read('f').endsWith('# ports: end\nz')).toBe(true)
  })
})

describe('a marked block', () => {
  test('is replaced, and the rest of the file stays as it is', async () => {
    const before = '\uFEFFexample.org { # \t ü\r\n}\r\n\r\n\t# ports: begin\r\nold\r\n'
    const after = '\t# ports: end\r\nlast line \r without an end'
    const { ports, read } = place({ Caddyfile: before + after })
    for (const _ of ['the first time', 'again']) {
      expect((await ports('export', 'caddy', 'shop', '-o', 'Caddyfile')).status).toBe(0)
      const text = read('Caddyfile')
      expect(text.startsWith(before.replace('old\r\n', ''))).toBe(true)
      expect(text.endsWith(`\r\n${after}`)).toBe(true)
      expect(text).toContain('\tapi.example.com {\r\n\t\treverse_proxy 127.0.0.1:3100\r\n\t}\r\n')
      expect(text).not.toContain('old')
      expect(text).not.toContain('Written by')
    }
  })

  test('may begin in the first line of a file with a byte order mark', async () => {
    const { ports, read } = place({ Caddyfile: '\uFEFF# ports: begin\nold\n# ports: end\n' })
    const { stderr, status } = await ports('export', 'caddy', 'shop', '-o', 'Caddyfile')
    expect(status, stderr).toBe(0)
    const text = read('Caddyfile')
    expect(text.startsWith('\uFEFF# ports: begin\n# shop/api: REST API\n')).toBe(true)
    expect(text.endsWith('}\n# ports: end\n')).toBe(true)
  })

  test('with the name of the project takes precedence over one without', async () => {
    const block = (name: string) => `# ports: begin${name}\nold\n# ports: end${name}\n`
    const { ports, read } = place({ Caddyfile: block('') + block(' shop') + block(' blog') })
    await ports('export', 'caddy', 'shop', '-o', 'Caddyfile')
    expect(read('Caddyfile')).toMatch(
      /^# ports: begin\nold\n# ports: end\n# ports: begin shop\n# shop/,
    )
    await ports('export', 'caddy', 'homelab', '-o', 'Caddyfile')
    expect(read('Caddyfile')).toMatch(/^# ports: begin\n# homelab\/media\n/)
    expect(read('Caddyfile').endsWith(block(' blog'))).toBe(true)
  })

  test.each([
    ['# ports: begin\n', 1],
    ['# ports: end\n', 1],
    ['# ports: end\n# ports: begin\n', 1],
    ['# ports: begin\n# ports: begin\n# ports: end\n', 2],
    ['# ports: begin\n# ports: end\n# ports: begin\n# ports: end\n', 3],
    ['# ports: begin a\n# ports: end b\n', 2],
  ])('%j is refused, and left as it is', async (content, line) => {
    const { ports, read } = place({ f: content })
    const refused = await ports('export', 'nginx', 'shop', '-o', 'f', '--force')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain(`line ${line} is out of place`)
    expect(read('f')).toBe(content)
  })

  test.each([
    [
      'compose',
      'services:\n  # ports: begin\n  # ports: end\n  cache:\n    image: redis\n',
      'services:\n  # ports: begin\n  api:\n    ports: !override\n      - "127.0.0.1:3100:3100"\n',
    ],
    [
      'compose',
      '# ports: begin\n# ports: end\nname: shop\n',
      '# ports: begin\nservices:\n  api:\n    ports: !override\n',
    ],
    [
      'cloudflared',
      'ingress:\n    # ports: begin\n    # ports: end\n    - service: http_status:404\n',
      'ingress:\n    # ports: begin\n    # shop/api: REST API\n    - hostname: api.example.com\n',
    ],
    [
      'cloudflared',
      'ingress:\n# ports: begin\n# ports: end\n- service: http_status:404\n',
      'ingress:\n# ports: begin\n# shop/api: REST API\n- hostname: api.example.com\n',
    ],
    [
      'cloudflared',
      'tunnel: x\n# ports: begin\n# ports: end\n',
      'tunnel: x\n# ports: begin\ningress:\n  # shop/api: REST API\n',
    ],
    [
      'cloudflared',
      'warp-routing:\n  enabled: true\n# ports: begin\n# ports: end\n',
      'warp-routing:\n  enabled: true\n# ports: begin\ningress:\n  # shop/api: REST API\n',
    ],
    [
      'traefik',
      'http:\n  # ports: begin\n  # ports: end\n  middlewares: {}\n',
      'http:\n  # ports: begin\n  routers:\n    shop-api:\n',
    ],
  ])('of %s has what its place in %j needs', async (target, content, start) => {
    const { ports, read } = place({ 'f.yml': content })
    const { stderr, status } = await ports('export', target, 'shop', '-o', 'f.yml')
    expect(status, stderr).toBe(0)
    expect(read('f.yml').startsWith(start)).toBe(true)
    const [, end] = content.split('# ports: end')
    expect(read('f.yml').endsWith(`# ports: end${end}`)).toBe(true)
    expect(read('f.yml').match(/http_status:404/g) ?? []).toHaveLength(
      target === 'cloudflared' ? 1 : 0,
    )
  })

  test('that is not indented where it must be is refused', async () => {
    const content = 'services:\n# ports: begin\n# ports: end\n  cache:\n    image: redis\n'
    const { ports, read } = place({ 'compose.override.yaml': content })
    const refused = await ports('export', 'compose', 'shop', '-o', 'compose.override.yaml')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain('Indent the block as what is under "services:"')
    expect(read('compose.override.yaml')).toBe(content)
  })

  test('without anything in it stays in place', async () => {
    const content =
      'ingress:\n  # ports: begin\n  - old\n  # ports: end\n  - service: http_status:404\n'
    const { ports, read } = place({ 'f.yml': content })
    await ports('export', 'cloudflared', 'shop', '--instance', 'nosuch', '-o', 'f.yml')
    expect(read('f.yml')).toBe(content.replace('  - old\n', ''))
  })
})
