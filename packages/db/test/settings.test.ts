import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { PortManager } from '@ports/core'
import { freshDatabase, projectDirectory, skipBecause } from '@ports/testkit/vitest'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import { openRepository } from '../src/index.js'
import { FIELDS } from '../src/settings/fields.js'
import { settingsFiles } from '../src/settings/settingsFiles.js'
import { callerDefaults, listSettings, readSetting, writeSetting } from '../src/settings.js'

const PASSWORD_URL = 'postgresql://ports:hunter2@db.example.com/ports?sslpassword=hunter3'

let directory: string
/** Stand for the user's file and the machine's. */
let own: string
let machine: string

beforeEach(() => {
  directory = projectDirectory({})
  vi.stubEnv('XDG_CONFIG_HOME', join(directory, 'config'))
  own = join(directory, 'config', 'ports', 'config.json')
  machine = join(directory, 'etc', 'config.json')
})

afterEach(() => {
  vi.unstubAllEnvs()
})

function write(file: string, content: unknown): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
}

const settingOf = (field: keyof typeof FIELDS) => readSetting(field, [own, machine])
const refusal = (call: () => unknown) => {
  try {
    call()
  } catch (error) {
    return error as Error & { code: string; details: Record<string, unknown> }
  }
  throw new Error('nothing was refused')
}

describe('a setting', () => {
  it('comes from the environment, else from the user’s file, else from the machine’s', () => {
    const hostname = (value: string, source: string, from: string | null) =>
      expect(settingOf('hostname')).toEqual({ field: 'hostname', value, source, from })
    hostname('localhost', 'default', null)
    write(machine, { hostname: 'machine' })
    hostname('machine', 'file', machine)
    write(own, { hostname: 'own' })
    hostname('own', 'file', own)
    vi.stubEnv('PORTS_HOSTNAME', 'variable')
    hostname('variable', 'environment', 'PORTS_HOSTNAME')
  })

  it('comes from the file that has it: the user’s need not have all', () => {
    write(machine, { hostname: 'machine', rangeSize: 20 })
    write(own, { hostname: 'own', actor: 'me' })
    expect(settingOf('rangeSize')).toMatchObject({ value: 20, from: machine })
    expect(callerDefaults([own, machine])).toEqual({ hostname: 'own', actor: 'me', rangeSize: 20 })
    vi.stubEnv('PORTS_HOSTNAME', 'variable')
    vi.stubEnv('PORTS_RANGE_SIZE', '50')
    // The manager reads the variable of the hostname itself.
    expect(callerDefaults([own, machine])).toEqual({ actor: 'me', rangeSize: 50 })
  })

  it('is absent in a file where it is null, or empty text', () => {
    write(machine, { hostname: 'machine', rangeSize: 20 })
    write(own, { hostname: '', rangeSize: null, databaseUrl: null })
    expect(settingOf('hostname')).toMatchObject({ value: 'machine' })
    expect(settingOf('rangeSize')).toMatchObject({ value: 20 })
    expect(settingOf('databaseUrl')).toMatchObject({ value: null, source: 'default' })
  })

  it('of a number or of yes and no can be set in the environment', () => {
    vi.stubEnv('PORTS_RANGE_SIZE', '50')
    vi.stubEnv('PORTS_DEFAULT_RANGES', 'false')
    expect(settingOf('rangeSize')).toMatchObject({ value: 50, from: 'PORTS_RANGE_SIZE' })
    expect(settingOf('defaultRanges')).toMatchObject({ value: false })
  })

  it.each([
    ['PORTS_DATABASE_URL', 'databaseUrl', 'mysql://hunter2@localhost/x'],
    ['PORTS_HOSTNAME', 'hostname', 'no host'],
    ['PORTS_ACTOR', 'actor', ' '],
    ['PORTS_RANGE_SIZE', 'rangeSize', 'many'],
    ['PORTS_RANGE_SIZE', 'rangeSize', '1001'],
    ['PORTS_DEFAULT_RANGES', 'defaultRanges', 'none'],
  ] as const)('that is wrong in %s names the variable', (variable, field, value) => {
    vi.stubEnv(variable, value)
    const { code, message, details } = refusal(() => settingOf(field))
    expect({ code, field: details.field }).toEqual({ code: 'INVALID_ARGUMENT', field: variable })
    expect(message).not.toContain('hunter2')
  })

  it('is looked for where XDG says, or in the home directory', () => {
    expect(settingsFiles()).toEqual([own, '/etc/ports/config.json'])
    vi.stubEnv('XDG_CONFIG_HOME', 'relative/is/ignored')
    vi.stubEnv('HOME', directory)
    const inHome = join(directory, '.config', 'ports', 'config.json')
    expect(settingsFiles()).toEqual([inHome, '/etc/ports/config.json'])
    vi.stubEnv('XDG_CONFIG_HOME', '')
    expect(settingsFiles()[0]).toBe(inHome)
    vi.stubEnv('HOME', '')
    expect(settingsFiles()).toEqual(['/etc/ports/config.json'])
  })

  it('is listed with where it comes from, and without a password', () => {
    write(machine, { databaseUrl: PASSWORD_URL, defaultRanges: false })
    const all = listSettings([own, machine])
    expect(all.map(({ field }) => field)).toEqual(Object.keys(FIELDS))
    expect(all.find(({ field }) => field === 'databaseUrl')).toEqual({
      field: 'databaseUrl',
      value: 'postgresql://ports:***@db.example.com/ports',
      source: 'file',
      from: machine,
    })
    expect(JSON.stringify(all)).not.toContain('hunter')
    expect(settingOf('databaseUrl').value).toBe(PASSWORD_URL)
  })
})

describe('a settings file', () => {
  it.each([
    ['an unknown field', '{"hostnam":"nas"}', 'there is no setting "hostnam"', 'hostname'],
    ['a wrong type', '{"hostname":42}', 'hostname is 42', 'a host name'],
    ['a wrong value', '{"hostname":"two words"}', 'hostname is "two words"', 'without blanks'],
    ['a size that is text', '{"rangeSize":"100"}', 'rangeSize is "100"', 'from 1 to 1000'],
    ['an empty size', '{"rangeSize":""}', 'rangeSize is ""', 'from 1 to 1000'],
    ['a size beyond its limit', '{"rangeSize":1001}', 'rangeSize is 1001', 'from 1 to 1000'],
    ['text for yes and no', '{"defaultRanges":"no"}', 'defaultRanges is "no"', 'true or false'],
    ['a list for text', '{"actor":["me"]}', 'actor is ["me"]', 'text of 1 to 200'],
    [
      'another database',
      '{"databaseUrl":"mysql://u:hunter2@h/x"}',
      'databaseUrl is "…"',
      'postgres',
    ],
    ['broken JSON', '{\n"databaseUrl": "postgres://u:hunter2@h/x"\n"a"', 'line 3', 'Correct that'],
    ['nothing', '', 'is not JSON', 'Correct that'],
    ['a list', '[]', 'is not a JSON object', 'Write one there'],
    ['no object', 'null', 'is not a JSON object', 'Write one there'],
  ])('with %s is refused, and named', (_what, content, ...parts) => {
    // Also where a stronger file and the environment hide it.
    for (const file of [own, machine]) {
      write(own, { hostname: 'own' })
      write(file, content)
      vi.stubEnv('PORTS_HOSTNAME', 'variable')
      const { code, message, details } = refusal(() => settingOf('hostname'))
      expect({ code, file: details.file }).toEqual({ code: 'INVALID_ARGUMENT', file })
      for (const part of [file, ...parts]) expect(message).toContain(part)
      expect(message + JSON.stringify(details)).not.toContain('hunter2')
    }
  })

  it('may name its schema', () => {
    write(own, { $schema: './config.schema.json', hostname: 'nas' })
    expect(settingOf('hostname')).toMatchObject({ value: 'nas' })
  })

  it('that is a directory is refused', () => {
    mkdirSync(own, { recursive: true })
    expect(refusal(() => settingOf('hostname')).message).toContain(`${own} is not a regular file`)
  })

  it('may be a link', () => {
    write(join(directory, 'elsewhere.json'), { hostname: 'linked' })
    mkdirSync(dirname(own), { recursive: true })
    symlinkSync(join(directory, 'elsewhere.json'), own)
    expect(settingOf('hostname')).toMatchObject({ value: 'linked', from: own })
  })

  it('of another user, or that others can write, is refused under root', ({ skip }) => {
    if (process.getuid?.() !== 0) skipBecause(skip, 'only root can give a file away')
    write(own, { databaseUrl: PASSWORD_URL })
    chmodSync(own, 0o666)
    expect(refusal(() => settingOf('hostname'))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { file: own },
      message: expect.stringContaining('can be written by other users'),
    })
    chmodSync(own, 0o644)
    expect(settingOf('databaseUrl')).toMatchObject({ source: 'file' })
    chownSync(own, 65534, 65534)
    expect(refusal(() => settingOf('hostname'))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { file: own },
      message: expect.stringContaining('root does not read the settings of other users'),
    })
  })
})

describe('writing a setting', () => {
  it('makes the file and its directories, for the user alone, and keeps the other fields', () => {
    expect(writeSetting('hostname', 'nas')).toMatchObject({
      file: own,
      setting: { field: 'hostname', value: 'nas', source: 'file', from: own },
    })
    writeSetting('rangeSize', '20')
    writeSetting('defaultRanges', 'false')
    expect(JSON.parse(readFileSync(own, 'utf8'))).toEqual({
      hostname: 'nas',
      rangeSize: 20,
      defaultRanges: false,
    })
    expect(statSync(own).mode & 0o777).toBe(0o600)
    expect(readdirSync(dirname(own))).toEqual(['config.json'])
  })

  it('removes a field for empty text', () => {
    write(own, { hostname: 'nas', actor: 'me' })
    expect(writeSetting('hostname', '').setting).toMatchObject({ source: 'default' })
    expect(JSON.parse(readFileSync(own, 'utf8'))).toEqual({ actor: 'me' })
  })

  it('tells that the environment is stronger', () => {
    vi.stubEnv('PORTS_HOSTNAME', 'variable')
    expect(writeSetting('hostname', 'nas').setting).toMatchObject({
      value: 'variable',
      from: 'PORTS_HOSTNAME',
    })
  })

  it('corrects a wrong value, and refuses a file with another mistake, which stays as it is', () => {
    write(own, { rangeSize: 'many' })
    writeSetting('rangeSize', '10')
    const before = '{"rangeSize": 10, "hostname": 42}'
    write(own, before)
    expect(refusal(() => writeSetting('rangeSize', '20')).message).toContain('hostname is 42')
    write(own, `${before},`)
    expect(refusal(() => writeSetting('rangeSize', '20')).message).toContain('is not JSON')
    expect(readFileSync(own, 'utf8')).toBe(`${before},`)
  })

  it('refuses an unknown field and a wrong value, and makes nothing', () => {
    expect(refusal(() => writeSetting('hostnam', 'nas')).message).toContain('defaultRanges')
    for (const [field, text] of [
      ['hostname', 'two words'],
      ['rangeSize', '0'],
      ['defaultRanges', 'no'],
      ['databaseUrl', 'mysql://u:hunter2@h/x'],
    ] as const) {
      const { code, message, details } = refusal(() => writeSetting(field, text))
      expect({ code, field: details.field }).toEqual({ code: 'INVALID_ARGUMENT', field })
      expect(message).not.toContain('hunter2')
    }
    expect(existsSync(own)).toBe(false)
  })

  it('writes through a link', () => {
    const target = join(directory, 'elsewhere.json')
    write(target, { actor: 'me' })
    mkdirSync(dirname(own), { recursive: true })
    symlinkSync(target, own)
    writeSetting('hostname', 'nas')
    expect(lstatSync(own).isSymbolicLink()).toBe(true)
    expect(JSON.parse(readFileSync(target, 'utf8'))).toEqual({ actor: 'me', hostname: 'nas' })
  })

  it('is refused where the place cannot be written', () => {
    write(join(directory, 'config'), 'a file, where a directory should be')
    expect(refusal(() => writeSetting('hostname', 'nas'))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { file: own },
    })
  })

  it('is refused under root in another user’s directory', ({ skip }) => {
    if (process.getuid?.() !== 0) skipBecause(skip, 'only root can give a directory away')
    mkdirSync(join(directory, 'config'))
    chownSync(join(directory, 'config'), 65534, 65534)
    expect(refusal(() => writeSetting('hostname', 'nas')).message).toContain('is in a directory of')
    expect(readdirSync(join(directory, 'config'))).toEqual([])
  })
})

describe('the JSON Schema', () => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Settings of ports',
    description: 'The content of ~/.config/ports/config.json and /etc/ports/config.json.',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      ...Object.fromEntries(Object.entries(FIELDS).map(([name, { schema }]) => [name, schema])),
    },
    additionalProperties: false,
  }

  it('is that of the fields', async () => {
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(
      '../config.schema.json',
    )
  })

  it('takes and refuses what the fields do', () => {
    const judge = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])
    for (const content of [
      {},
      { hostname: 'nas', actor: 'me', rangeSize: 20, defaultRanges: false },
      { databaseUrl: PASSWORD_URL, $schema: 'x' },
      { hostnam: 'nas' },
      { hostname: 42 },
      { rangeSize: 0 },
      { rangeSize: 1001 },
      { rangeSize: 1.5 },
      { rangeSize: '20' },
      { defaultRanges: 'no' },
      { actor: 'x'.repeat(201) },
      { databaseUrl: 'mysql://u@h/x' },
    ]) {
      write(own, content)
      const isTaken = (() => {
        try {
          listSettings([own])
          return true
        } catch {
          return false
        }
      })()
      expect(judge.safeParse(content).success, JSON.stringify(content)).toBe(isTaken)
    }
  })
})

describe('openRepository', () => {
  it('opens the database that a file names, whose callers have what is set there', async () => {
    write(own, { databaseUrl: await freshDatabase(), hostname: 'nas', actor: 'me', rangeSize: 20 })
    const ports = new PortManager(await openRepository())
    onTestFinished(() => ports.close())
    expect(ports.scope().hostname).toBe('nas')
    expect(await ports.getOrAllocate('consilio', 'api')).toBe(3100)
    const { events } = await ports.history({ limit: 1 })
    expect(events).toMatchObject([{ actor: 'me', hostname: 'nas' }])
    const range = await ports.createRange({ projectName: 'shop' })
    expect(range.endPort - range.startPort + 1).toBe(20)
  })

  it('prefers its own argument and the environment', async () => {
    write(own, { databaseUrl: 'postgresql://ports@127.0.0.1:1/ports', hostname: 'nas' })
    vi.stubEnv('PORTS_HOSTNAME', 'variable')
    const ports = new PortManager(await openRepository({ url: await freshDatabase() }))
    onTestFinished(() => ports.close())
    expect(ports.scope().hostname).toBe('variable')
    vi.stubEnv('PORTS_DATABASE_URL', await freshDatabase())
    const other = new PortManager(await openRepository(), { hostname: 'option' })
    onTestFinished(() => other.close())
    expect(other.scope().hostname).toBe('option')
    expect(await other.listAll()).toEqual([])
  })

  it('refuses a file that is wrong', async () => {
    write(own, '{')
    await expect(openRepository()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { file: own },
    })
  })
})
