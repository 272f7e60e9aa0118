import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { CLI, databaseUrlOn, ended, environmentOn, portsIn } from '@ports/testkit'
import { projectDirectory, skipBecause } from '@ports/testkit/vitest'
import { beforeAll, describe, expect, onTestFinished, type TestContext, test } from 'vitest'
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
  test('does not replace a file that was written for another target, unless it is forced', async () => {
    const { ports, read } = place()
    await ports('export', 'nginx', '-o', 'f')
    const before = read('f')
    for (const options of [[], ['--check']]) {
      const refused = await ports('export', 'caddy', '-o', 'f', ...options)
      expect(refused).toMatchObject({ stdout: '', status: 2 })
      expect(refused.stderr).toContain('error: f was written for nginx, and not for caddy.')
    }
    expect(read('f')).toBe(before)
    expect((await ports('export', 'caddy', '-o', 'f', '--force')).status).toBe(0)
    expect(read('f')).toContain('reverse_proxy')
  })

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

  test('follows a link that leads out of a linked directory', async () => {
    const { directory, ports, read } = place({ 'real/deep/x': '', 'real/y': '' })
    symlinkSync('real/deep', join(directory, 'sub'))
    symlinkSync('../new', join(directory, 'real/deep/link'))
    expect((await ports('export', 'caddy', '-o', 'sub/link')).status).toBe(0)
    expect(read('real/new')).toContain(SITE)
    expect(existsSync(join(directory, 'new'))).toBe(false)
  })

  test('puts a whole file in place of the old one, which a reader may have open', async () => {
    const { directory, ports, read } = place()
    await ports('export', 'caddy', 'shop', '-o', 'Caddyfile')
    const before = read('Caddyfile')
    const reader = openSync(join(directory, 'Caddyfile'), 'r')
    onTestFinished(() => closeSync(reader))
    await ports('export', 'caddy', '-o', 'Caddyfile')
    expect(readFileSync(reader, 'utf8')).toBe(before)
    expect(read('Caddyfile')).toBe((await ports('export', 'caddy')).stdout)
    expect(readdirSync(directory)).toEqual(['Caddyfile'])
  })

  test.each([
    ['a directory', 'sub', /sub is a directory\. Name a file in it\.$/m],
    [
      'a directory that does not exist',
      'nosuch/',
      /There is no directory nosuch\/\. Name a file\.$/m,
    ],
    [
      'a file in a directory that does not exist',
      'nosuch/Caddyfile',
      /There is no directory nosuch\. Make it first\.$/m,
    ],
    ['a file below a file', 'latin1/f', /latin1\/f cannot be written \(ENOTDIR.*Correct that, or/],
    ['a link to itself', 'loop', /loop cannot be written \(ELOOP/],
    ['a file that is not UTF-8', 'latin1', /latin1 is not text in UTF-8\. Convert it first/],
    ['a FIFO', 'fifo', /fifo is no regular file\. Name another file, or redirect the output\.$/m],
    ['a device', '/dev/null', /\/dev\/null is no regular file\. Name another file/],
  ])('refuses %s', async (_, name, message) => {
    const { directory, ports } = place()
    mkdirSync(join(directory, 'sub'))
    symlinkSync('loop', join(directory, 'loop'))
    execFileSync('mkfifo', [join(directory, 'fifo')])
    const latin1 = Buffer.from('# ports: begin\n# ports: end\n# \xe9', 'latin1')
    writeFileSync(join(directory, 'latin1'), latin1)
    for (const option of [[], ['--check'], ['--force']]) {
      const refused = await ports('export', 'caddy', '-o', name, ...option)
      expect(refused).toMatchObject({ stdout: '', status: 2 })
      expect(refused.stderr).toMatch(message)
    }
    expect(readdirSync(directory).sort()).toEqual(['fifo', 'latin1', 'loop', 'sub'])
    expect(readFileSync(join(directory, 'latin1'))).toEqual(latin1)
  })

  test('refuses to replace one of several hard links, but not to compare it', async () => {
    const { directory, ports, read } = place()
    await ports('export', 'caddy', 'shop', '-o', 'Caddyfile')
    const before = read('Caddyfile')
    linkSync(join(directory, 'Caddyfile'), join(directory, 'other'))
    expect((await ports('export', 'caddy', 'shop', '-o', 'other')).status).toBe(0)
    expect((await ports('export', 'caddy', '-o', 'other', '--check')).status).toBe(1)
    const refused = await ports('export', 'caddy', '-o', 'other', '--force')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toMatch(/other has 2 hard links\. .*Replace them with symbolic links/)
    expect(read('Caddyfile')).toBe(before)
    expect(statSync(join(directory, 'other')).nlink).toBe(2)
    expect(readdirSync(directory)).toEqual(['Caddyfile', 'other'])
  })

  test('keeps a file whole, and removes the temporary one, if it was killed', async () => {
    const { directory, ports, read } = place({
      'a.liquid': `{% for n in (1..200) %}{{ ports.size }}${'x'.repeat(100_000)}\n{% endfor %}`,
      f: 'old',
    })
    const args = ['export', '--template', 'a.liquid', '--force', '-o', 'f']
    const isTemporary = (name: string) => name.startsWith('.ports-')
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: directory,
      env: environmentOn(url),
      stdio: 'ignore',
    })
    const exit = once(child, 'exit')
    while (child.exitCode === null && !readdirSync(directory).some(isTemporary)) {
      await setImmediate()
    }
    child.kill('SIGKILL')
    await exit
    const whole = (await ports('export', '--template', 'a.liquid')).stdout
    expect([whole, 'old']).toContain(read('f'))
    // The file of a process that still runs is not removed.
    const [dead, alive] = [
      `.ports-${child.pid}-0123456789ab.tmp`,
      `.ports-${process.pid}-0123456789ab.tmp`,
    ]
    for (const name of [dead, alive]) writeFileSync(join(directory, name), 'half')
    writeFileSync(join(directory, 'f'), 'old')
    expect((await ports(...args)).status).toBe(0)
    expect(read('f')).toBe(whole)
    expect(readdirSync(directory).sort()).toEqual([alive, 'a.liquid', 'f'])
  })

  test('leaves the old file if the disk is full', async ({ skip }) => {
    const { directory, ports, read } = place({
      'a.liquid': `{% for n in (1..20) %}{{ ports.size }}${'x'.repeat(100_000)}{% endfor %}`,
      'disk/none': '',
    })
    const disk = join(directory, 'disk')
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
    if (mounted.status !== 0) skipBecause(skip, 'this user may not mount')
    onTestFinished(() => void spawnSync('umount', [disk]))
    writeFileSync(join(disk, 'f'), 'old')
    const refused = await ports('export', '--template', 'a.liquid', '--force', '-o', 'disk/f')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toMatch(/disk\/f cannot be written \(ENOSPC/)
    expect(read('disk/f')).toBe('old')
    expect(readdirSync(disk)).toEqual(['f'])
  })
})

describe('export --output as another user', () => {
  const NOBODY = 65_534

  /** A directory in which that user may write, and the command as that user and group. */
  async function placeOfNobody(skip: TestContext['skip']) {
    if (process.getuid?.() !== 0) skipBecause(skip, 'only root can run it as another user')
    const { directory, read } = place()
    chmodSync(directory, 0o777)
    const env = environmentOn(await urlForAll())
    const setpriv = ['--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups']
    return {
      directory,
      read,
      path: join(directory, 'f'),
      ports: (...args: string[]) =>
        ended('setpriv', [...setpriv, process.execPath, CLI, ...args], env, directory),
    }
  }

  /** Only one user may enter the directory of the server's socket, so a proxy leads there. */
  async function urlForAll(): Promise<string> {
    const directory = projectDirectory({})
    const there = join(new URL(url).searchParams.get('host')!, '.s.PGSQL.5432')
    const relay = createServer((socket) => {
      const server = connect(there)
      socket.pipe(server).pipe(socket)
      for (const end of [socket, server]) end.on('error', () => {})
    })
    onTestFinished(() => void relay.close())
    const socket = join(directory, '.s.PGSQL.5432')
    await once(relay.listen(socket), 'listening')
    chmodSync(directory, 0o755)
    chmodSync(socket, 0o777)
    return databaseUrlOn(directory, new URL(url).pathname.slice(1))
  }

  const OLD = '# Written by ports export.\nold\n'

  test.for([
    ['whose mode forbids it', 0o444, NOBODY, NOBODY, /may not write .*f \(EACCES.*change the mode/],
    ['of another user', 0o666, 0, 0, /f belongs to root\. The new file would belong to nobody\./],
    ['of another group', 0o660, NOBODY, 0, /f has the group 0, which this user does not belong to/],
  ] as const)('refuses to replace a file %s', async ([, mode, uid, gid, message], { skip }) => {
    const { directory, path, ports, read } = await placeOfNobody(skip)
    writeFileSync(path, OLD)
    chownSync(path, uid, gid)
    chmodSync(path, mode)
    const refused = await ports('export', 'caddy', '-o', 'f', '--force')
    expect(refused, refused.stderr).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toMatch(message)
    expect(read('f')).toBe(OLD)
    const { uid: owner, gid: group, mode: bits } = statSync(path)
    expect([owner, group, bits & 0o777]).toEqual([uid, gid, mode])
    expect(readdirSync(directory)).toEqual(['f'])
  })

  test('refuses to replace a file of its own in a directory of another user', async ({ skip }) => {
    const { directory, path, ports, read } = await placeOfNobody(skip)
    writeFileSync(path, OLD)
    chownSync(path, NOBODY, NOBODY)
    chmodSync(directory, 0o755)
    const refused = await ports('export', 'caddy', '-o', 'f')
    expect(refused, refused.stderr).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toMatch(/Run this as a user who may write in that directory/)
    expect(read('f')).toBe(OLD)
  })

  test('keeps the owner, the group and the mode of a file if it is root', async ({ skip }) => {
    const { path, read } = await placeOfNobody(skip)
    writeFileSync(path, OLD)
    chownSync(path, NOBODY, 1)
    chmodSync(path, 0o440)
    expect((await portsIn('/', url)('export', 'caddy', '-o', path)).status).toBe(0)
    expect(read('f')).toContain(SITE)
    const { uid, gid, mode } = statSync(path)
    expect([uid, gid, mode & 0o777]).toEqual([NOBODY, 1, 0o440])
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
    ['only another project', '# ports: begin blog\nold\n# ports: end\n', 'blog (line 2)'],
    [
      'two other projects',
      '# ports: begin blog\n# ports: end\n# ports: begin shopp\n# ports: end\n',
      'blog (line 2) and shopp (line 4)',
    ],
  ])('of %s keeps the file from being replaced', async (_what, blocks, named) => {
    const content = `# Written by ports export. The next one replaces this file.\n${blocks}`
    const { ports, read } = place({ f: content })
    for (const options of [[], ['--check'], ['--force']]) {
      const one = await ports('export', 'caddy', 'shop', '-o', 'f', ...options)
      expect(one).toMatchObject({ stdout: '', status: 2 })
      expect(one.stderr).toContain(
        `error: f has blocks only for ${named}, but shop is exported. Add the comments ` +
          '"ports: begin shop" and "ports: end shop" where the ports belong, or name another file.\n',
      )
      const all = await ports('export', 'caddy', '-o', 'f', ...options)
      expect(all).toMatchObject({ stdout: '', status: 2 })
      expect(all.stderr).toContain('but all projects are exported. Add the comments "ports: begin"')
    }
    expect(read('f')).toBe(content)
  })

  const [BEGIN, END] = ['# ports: begin\n', '# ports: end\n']

  test.each<[string, number, string]>([
    [BEGIN, 1, '"# ports: begin" has no "ports: end" after it.'],
    [END, 1, '"# ports: end" has no "ports: begin" before it.'],
    [`x\n${END}${BEGIN}`, 2, '"# ports: end" has no "ports: begin" before it.'],
    [BEGIN + BEGIN + END, 2, 'is inside the block that begins in line 1. End that one first.'],
    [
      '# ports: begin a\n# ports: begin b\n# ports: end b\n# ports: end a\n',
      2,
      '"# ports: begin b" is inside the block that begins in line 1.',
    ],
    [
      BEGIN + END + BEGIN + END,
      3,
      'begins a second block of that name. The first begins in line 1.',
    ],
    [
      '# ports: begin a\n# ports: end b\n',
      2,
      '"# ports: end b" does not match "# ports: begin a" in line 1.',
    ],
    ...[
      '# ports:end',
      '#ports :end',
      '# Ports: End',
      '# port: end',
      '# ports: ende',
      '# ports: end a b',
    ].map((end): [string, number, string] => [
      `${BEGIN}a\n${end}\n`,
      3,
      `"${end}" looks like "ports: end". Correct it.`,
    ]),
    ['// ports:begin shop\na\n// ports:end shop\n', 1, 'looks like "ports: begin". Correct it.'],
    ['# ports: beginn\na\n# ports: end\n', 1, 'looks like "ports: begin". Correct it.'],
    ['a\n# ports: begin my shop\n# ports: end\n', 2, 'looks like "ports: begin". Correct it.'],
  ])('%j is refused, and left as it is', async (markers, line, message) => {
    for (const before of ['', '# Written by ports export.\n']) {
      const content = before + markers
      const { ports, read } = place({ f: content })
      const refused = await ports('export', 'nginx', 'shop', '-o', 'f', '--force')
      expect(refused).toMatchObject({ stdout: '', status: 2 })
      const number = before === '' ? line : line + 1
      expect(refused.stderr).toContain(`error: f, line ${number}: `)
      expect(refused.stderr).toContain(
        message.replace(/in line (\d+)/, (_, at) => `in line ${Number(at) + number - line}`),
      )
      expect(read('f')).toBe(content)
    }
  })

  test('is not begun by other comments about ports', async () => {
    const before =
      '# ports: 3000\n# the ports begin here\n# ports: the end of them is 4000\nports: end\n'
    const { ports, read } = place({ f: `${before}# ports: begin\n# ports: end\n` })
    const { stderr, status } = await ports('export', 'caddy', 'shop', '-o', 'f')
    expect(status, stderr).toBe(0)
    expect(read('f').startsWith(`${before}# ports: begin\n# shop/api`)).toBe(true)
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
    expect(refused.stderr).toContain('Indent the block like the entries under "services:"')
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
