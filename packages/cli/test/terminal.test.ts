import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { CLI, ended, environmentOn, portsOn, tcpServer } from '@ports/testkit'
import { databaseWithOwnNumbers, freshDatabase, projectDirectory } from '@ports/testkit/vitest'
import { beforeAll, describe, expect, test } from 'vitest'
import { hasScript, SCRIPT, typed } from './script.js'

const ESCAPE = '\x1b['

describe.skipIf(!hasScript)('on a terminal', () => {
  let url: string
  beforeAll(async () => {
    url = await freshDatabase()
    const ports = portsOn(url)
    await ports('get', 'consilio', 'api', '--description', '日本語 🚀 '.repeat(30))
    await ports('get', 'consilio', 'a-service-with-a-rather-long-name', '--type', 'http')
  })

  test('a table fits the width, and no number is cut', async () => {
    for (const columns of [80, 40]) {
      const env = environmentOn(url, { NO_COLOR: '1', LC_ALL: 'C.UTF-8' })
      const { stdout } = await ended(SCRIPT, typed('list', columns), env)
      const [heading = '', ...rows] = stdout.trimEnd().split('\r\n')
      expect(heading).toMatch(/^PORT {2}/)
      expect(rows.map((row) => row.slice(0, 6))).toEqual(['3100  ', '3101  '])
      // Each character of the description may take two columns, so the ASCII lines tell.
      expect(Math.max(heading.length, rows[1]?.length ?? 0)).toBeLessThanOrEqual(columns)
      if (columns === 40) expect(stdout).toContain('…')
    }
  })

  test('columns that name a row are whole, and the others are cut or left out', async () => {
    const named = await freshDatabase()
    const ports = portsOn(named)
    await ports(
      ...['get', 'quiculum-monitor', 'notification-worker', '--type', 'websocket'],
      ...['--cloudflare-hostname', 'notify.example.com', '--description', 'sends what is due'],
    )
    const env = environmentOn(named, { NO_COLOR: '1', LC_ALL: 'C.UTF-8' })
    for (const [columns, headings] of [
      [132, 'PORT PROJECT SERVICE SCOPE STATUS CHECKED TYPE CLOUDFLARE DESCRIPTION'],
      [80, 'PORT PROJECT SERVICE SCOPE STATUS CHECKED'],
      [60, 'PORT PROJECT SERVICE SCOPE'],
    ] as const) {
      const { stdout } = await ended(SCRIPT, typed('list', columns), env)
      const [heading = '', row = ''] = stdout.trimEnd().split('\r\n')
      expect(heading.split(/ +/).join(' ')).toBe(headings)
      expect(row).toMatch(/^3500 {2}quiculum-monitor {2}notification-worker {2}localhost\/tcp/)
      expect(Math.max(heading.length, row.length)).toBeLessThanOrEqual(columns)
    }
  })

  test('headings and errors are coloured, and not under NO_COLOR', async () => {
    for (const command of ['list', 'list nobody']) {
      const coloured = await ended(SCRIPT, typed(command), environmentOn(url))
      expect(coloured.stdout).toContain(ESCAPE)
      const env = environmentOn(url, { NO_COLOR: '1', FORCE_COLOR: '1' })
      const plain = await ended(SCRIPT, typed(command), env)
      expect(plain.stdout).not.toContain(ESCAPE)
    }
  })

  test('the names of services that run are coloured, and not under NO_COLOR', async () => {
    const command = `node -e "console.log('forced:', process.env.FORCE_COLOR)"`
    const directory = projectDirectory({
      'ports.json': { project: 'shop', services: { web: { command }, api: { command } } },
    })
    const url = await databaseWithOwnNumbers('shop')
    const up = (env: Record<string, string>) =>
      ended(SCRIPT, typed('up --run'), environmentOn(url, { TERM: 'xterm', ...env }), directory)
    const { stdout } = await up({})
    const colourOf = (name: string) => stdout.match(new RegExp(`(\\S+)\\[${name}\\]`))?.[1]
    expect(colourOf('web')).toContain(ESCAPE)
    expect(colourOf('api')).toContain(ESCAPE)
    expect(colourOf('api')).not.toBe(colourOf('web'))
    const plain = await up({ NO_COLOR: '1' })
    expect(plain.stdout).not.toContain(ESCAPE)
    expect(plain.stdout).toContain('[web] forced: undefined')
  })

  test('no hidden character of stored or typed text is sent, as JSON or not', async () => {
    const url = await freshDatabase()
    const hidden = '\u009b\u202e\u061c\ufeff\u200b\u00ad\u{e0041}\u2028'
    const description = `a${hidden}b`
    await portsOn(url)('get', 'consilio', 'api', '--description', description)
    const typedText = `verify 'a${hidden}b'`
    for (const command of ['list', 'list --json', typedText, `${typedText} --json`]) {
      const { stdout } = await ended(SCRIPT, typed(command, 200), environmentOn(url))
      expect(stdout).toMatch(/a\\u(\{9b\}|009b)\\u(\{202e\}|202e).*b/)
      for (const character of hidden) expect(stdout).not.toContain(character)
    }
    const listed = await ended(SCRIPT, typed('list --json'), environmentOn(url))
    expect(JSON.parse(listed.stdout)).toMatchObject([{ description }])
  })

  test('a command under ports run has the terminal, and gets Ctrl-C only once', async () => {
    const directory = projectDirectory({
      'ports.json': { project: 'shop', services: { web: { command: 'node count.cjs' } } },
      'count.cjs': `
        let count = 0
        process.on('SIGINT', () => {
          if (++count === 1) setTimeout(() => console.log('interrupts: ' + count), 500)
        })
        process.stdin.on('data', (line) => process.exit(String(line).trim() === 'end' ? 7 : 8))
        console.log('terminal: ' + (process.stdin.isTTY && process.stdout.isTTY))`,
    })
    const child = spawn(SCRIPT, typed('run'), {
      cwd: directory,
      env: environmentOn(await databaseWithOwnNumbers('shop')),
    })
    const closed = once(child, 'close')
    let shown = ''
    for await (const text of child.stdout.setEncoding('utf8')) {
      const before = shown
      shown += text
      const isNew = (what: RegExp) => what.test(shown) && !what.test(before)
      if (isNew(/terminal: true/)) child.stdin.write('\x03')
      if (isNew(/interrupts: \d/)) child.stdin.write('end\n')
    }
    expect(shown).toContain('interrupts: 1\r\n')
    expect(await closed).toEqual([7, null])
  })

  test('a command that is run gets Ctrl-C once also if its input is no terminal', async () => {
    const directory = projectDirectory({
      'ports.json': { project: 'shop', services: { web: { command: 'node count.cjs' } } },
      'count.cjs': `
        let count = 0
        process.on('SIGINT', () => {
          if (++count === 1) setTimeout(() => process.exit(count), 500)
        })
        setInterval(() => {}, 1_000)
        console.log('ready')`,
    })
    const child = spawn(SCRIPT, typed('run </dev/null'), {
      cwd: directory,
      env: environmentOn(await databaseWithOwnNumbers('shop')),
    })
    const closed = once(child, 'close')
    let shown = ''
    for await (const text of child.stdout.setEncoding('utf8')) {
      const isFirst = !shown.includes('ready')
      shown += text
      if (isFirst && shown.includes('ready')) child.stdin.write('\x03')
    }
    expect(await closed).toEqual([1, null])
  })

  test('an audit that takes longer than a second shows that it goes on', async () => {
    await using silent = await tcpServer(() => {})
    const child = spawn(SCRIPT, typed('audit'), { env: environmentOn(silent.url) })
    let shown = ''
    for await (const text of child.stdout) {
      shown += text
      if (shown.includes('Checking the ports')) child.kill('SIGKILL')
    }
    expect(shown).toContain('Checking the ports')
  })
})

describe('without a terminal', () => {
  test('JSON is the same as on one, and parses to the text that is stored', async () => {
    const ports = portsOn(await freshDatabase())
    const description = 'a\u202eb\u{e0041}c\u007f'
    await ports('get', 'consilio', 'api', '--description', description)
    const { stdout } = await ports('list', '--json')
    expect(JSON.parse(stdout)).toMatchObject([{ description }])
    expect(stdout).toContain('a\\u202eb\\udb40\\udc41c\\u007f')
    const { stderr } = await ports('get', description, 'api', '--json')
    expect(JSON.parse(stderr)).toMatchObject({ error: { details: { value: description } } })
    expect(stderr).toContain('a\\u202eb\\udb40\\udc41c\\u007f')
  })

  test('nothing is coloured, whatever the environment says', async () => {
    const ports = portsOn(await freshDatabase(), { FORCE_COLOR: '1', CLICOLOR_FORCE: '1' })
    for (const args of [['summary'], ['get', 'nobody', 'api'], ['--help'], ['gte']]) {
      const { stdout, stderr } = await ports(...args)
      expect(stdout + stderr).not.toContain(ESCAPE)
    }
  })

  test('nothing is cut', async () => {
    const ports = portsOn(await freshDatabase(), { COLUMNS: '20' })
    const description = 'a long text '.repeat(50).trim()
    await ports('get', 'consilio', 'api', '--description', description)
    expect((await ports('list')).stdout).toContain(description)
  })

  test('nothing is asked, though stdin stays open', async () => {
    const env = environmentOn(await freshDatabase())
    const child = spawn(process.execPath, [CLI, 'get', 'consilio', 'api'], { env })
    expect(await once(child, 'close')).toEqual([0, null])
  })
})
