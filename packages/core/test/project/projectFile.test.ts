import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { projectDirectory } from '@ports/testkit/vitest'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { readProjectFile } from '../../src/project/ProjectFile.js'

const SCHEMA = JSON.parse(readFileSync(new URL('../../ports.schema.json', import.meta.url), 'utf8'))
const isProjectFile = new Ajv2020().compile(SCHEMA)

function written(content: unknown): string {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  return join(projectDirectory({ 'ports.json': text }), 'ports.json')
}

const web = {
  command: 'npm run dev',
  type: 'frontend',
  description: 'Storefront',
  protocols: ['tcp'],
  count: 1,
  preferredPort: 3000,
  cloudflareHostname: '*.example.com',
}

describe('a project file', () => {
  it('that is valid is read unchanged', () => {
    const services = { web, rtp: { protocols: ['udp'], count: 4 }, callback: { port: 3105 } }
    const file = { $schema: './ports.schema.json', project: 'shop', services }
    expect(isProjectFile(file), JSON.stringify(isProjectFile.errors)).toBe(true)
    expect(readProjectFile(written(file))).toEqual({ project: 'shop', services })
  })

  it('may have no services, and begin with a byte order mark', () => {
    expect(readProjectFile(written('\uFEFF{ "project": "shop" }'))).toEqual({
      project: 'shop',
      services: {},
    })
  })

  it.each<[string, unknown]>([
    ['the file', []],
    ['field', { project: 'shop', service: {} }],
    ['project', { services: {} }],
    ['project', { project: 'my shop' }],
    ['services', { project: 'shop', services: [] }],
    ['services', { project: 'shop', services: { 'a b': {} } }],
    ['services.web', { project: 'shop', services: { web: 3000 } }],
    ['services.web: field', { project: 'shop', services: { web: { ports: 3 } } }],
    ['services.web.command', { project: 'shop', services: { web: { command: '' } } }],
    ['services.web.type', { project: 'shop', services: { web: { type: 5 } } }],
    ['services.web.protocols', { project: 'shop', services: { web: { protocols: [] } } }],
    ['services.web.protocols[0]', { project: 'shop', services: { web: { protocols: ['sctp'] } } }],
    ['services.web.count', { project: 'shop', services: { web: { count: 0 } } }],
    ['services.web.port', { project: 'shop', services: { web: { port: 70_000 } } }],
    ['services.web.preferredPort', { project: 'shop', services: { web: { ...web, port: 1 } } }],
  ])('that is invalid in %s is refused, by the schema too', (field, content) => {
    const path = written(content)
    expect(() => readProjectFile(path)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`${path}: ${field} `),
      }),
    )
    expect(isProjectFile(content)).toBe(false)
  })

  it('in which two services would have the same variable is refused', () => {
    const path = written({ project: 'shop', services: { 'web-api': {}, 'web.api': {} } })
    expect(() => readProjectFile(path)).toThrow('both would set WEB_API_PORT')
  })

  it('that is not JSON is refused', () => {
    const path = written('{ project: shop }')
    expect(() => readProjectFile(path)).toThrow(`file is ${JSON.stringify(path)}, but must be JSON`)
  })

  it.skipIf(process.platform === 'win32').each<[string, (path: string) => void]>([
    ['FIFO', (path) => void execFileSync('mkfifo', [path])],
    ['device', (path) => symlinkSync('/dev/zero', path)],
    ['directory', (path) => mkdirSync(path)],
  ])('that is a %s is refused, and not waited for', (_what, make) => {
    const path = written({})
    rmSync(path)
    make(path)
    expect(() => readProjectFile(path)).toThrow(
      `file is ${JSON.stringify(path)}, but must be a regular file.`,
    )
  })

  it('that is too large is refused', () => {
    const path = written({ project: 'shop', $schema: 'x'.repeat(1_000_001) })
    expect(() => readProjectFile(path)).toThrow(
      `file is ${JSON.stringify(path)}, but must be a file of at most 1000000 bytes.`,
    )
  })
})
