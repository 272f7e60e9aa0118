import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { portsIn } from '@ports/testkit'
import { projectDirectory } from '@ports/testkit/vitest'
import { beforeAll, describe, expect, test } from 'vitest'
import { imported, portsOutside, registryToExport } from './exported.js'

let url: string
beforeAll(async () => {
  url = await registryToExport()
})

/** Exports by a template, in a directory that also has these files. */
function byTemplate(template: string, files: Readonly<Record<string, string | object>> = {}) {
  const directory = projectDirectory({ 'a.liquid': template, ...files })
  const ports = portsIn(directory, url)
  return {
    exported: (...args: string[]) => ports('export', '--template', 'a.liquid', ...args),
    read: (name: string) => readFileSync(join(directory, name), 'utf8'),
  }
}

describe('export --template', () => {
  test('prints what the template makes of the services', async () => {
    const { exported } = byTemplate(
      '{% for s in services %}{% if s.instance == null %}{{ s.name }}={{ s.address }}\n{% endif %}{% endfor %}',
    )
    expect(await exported('shop')).toMatchObject({
      stdout: 'api=127.0.0.1:3100\ndb=127.0.0.1:3103\ndns=127.0.0.1:3102\nweb=127.0.0.1:3101\n',
      stderr: '',
      status: 0,
    })
  })

  test('gives it projects, services and ports, with null for what is not known', async () => {
    const { exported } = byTemplate(
      '{{ projects | json }}\n{{ services | json }}\n{{ ports | json }}',
    )
    const { stdout } = await exported('--hostname', 'localhost')
    const [projects, services, ports] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const api = {
      project: 'shop',
      service: 'api',
      instance: null,
      hostname: 'localhost',
      protocol: 'tcp',
      port: 3100,
      address: '127.0.0.1:3100',
      type: 'http',
      description: 'REST API',
      cloudflareHostname: 'api.example.com',
    }
    expect(ports[0]).toEqual(api)
    const { service: name, ...rest } = api
    expect(services[0]).toEqual({ name, ...rest, ports: [api] })
    expect(projects).toEqual([
      { name: 'shop', services: services.slice(0, 6) },
      { name: 'shop-api', services: services.slice(6) },
    ])
    expect(services[2]).toMatchObject({ name: 'db', description: null, type: 'postgres' })
    expect(services[4].description).toContain(String.raw`Shop\u{a}}`)
  })

  test.each([
    ['{{ nosuch }}', 'undefined variable: nosuch, line:1, col:4'],
    ['{% for p in ports %}{{ p.nosuch }}{% endfor %}', 'undefined variable: p.nosuch'],
    ['{% if nosuch %}{% endif %}', 'undefined variable: nosuch'],
    ['{{ ports | nosuch }}', 'undefined filter: nosuch'],
    ['{% for p in ports %}', 'tag {% for p in ports %} not closed'],
    ["{% render 'nosuch' %}", 'ENOENT'],
    ['{% for i in (1..999999999) %}{% endfor %}', 'memory alloc limit exceeded'],
    ['{% for i in (1..30000000) %}{{ i }}{% endfor %}', 'limit exceeded'],
  ])('refuses %s', async (template, message) => {
    const refused = await byTemplate(template).exported('shop')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain('template is "a.liquid", but must be a Liquid template')
    expect(refused.stderr).toContain(message)
  })

  test('names the line of an error, also in a file that the template renders', async () => {
    const files = { 'part.liquid': 'y\n  {{ nosuch }} z\n' }
    const refused = await byTemplate("x\n{% render 'part.liquid' %}", files).exported('shop')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain('undefined variable: nosuch, line:2, col:6: {{ nosuch }} z)')
  })

  test('reports a template that cannot be read', async () => {
    const { stderr, status } = await portsOutside(url)('export', '--template', 'nosuch.liquid')
    expect(status).toBe(2)
    expect(stderr).toMatch(
      /^error: --template is "nosuch\.liquid", but must be a file that can be read/,
    )
  })

  test('replaces a file whose first line says that ports export wrote it, or with --force', async () => {
    const header = '// Written by ports export.\n'
    const { exported, read } = byTemplate(`${header}{{ ports.size }}\n`, {
      own: `${header}old\n`,
      other: '{}',
    })
    expect((await exported('shop', '-o', 'own')).status).toBe(0)
    expect((await exported('shop', '-o', 'other')).status).toBe(2)
    expect(read('other')).toBe('{}')
    expect((await exported('shop', '-o', 'other', '--force')).status).toBe(0)
    for (const name of ['own', 'other']) expect(read(name)).toBe(`${header}6\n`)
  })

  test.each(['//', '<!--', ';', '--', '/*', '{{/*'])(
    'replaces a block in comments of %s',
    async (mark) => {
      const end = { '<!--': ' -->', '/*': ' */', '{{/*': ' */}}' }[mark] ?? ''
      const file = (content: string) =>
        `a\n  ${mark} ports: begin${end}\n${content}${mark} ports: end${end}\n`
      const { exported, read } = byTemplate('{{ ports.size }}', { f: file('old\n') })
      expect((await exported('shop', '-o', 'f')).status).toBe(0)
      expect(read('f')).toBe(file('  6\n'))
    },
  )

  test('refuses to write markers', async () => {
    const content = '# ports: begin\n# ports: end\n'
    const { exported, read } = byTemplate('x\n# ports: end\n', { f: content })
    for (const file of ['f', 'new']) {
      const refused = await exported('shop', '-o', file)
      expect(refused).toMatchObject({ stdout: '', status: 2 })
      expect(refused.stderr).toContain(
        `The text for ${file} contains the marker of a block, "# ports: end". The next export`,
      )
    }
    expect(read('f')).toBe(content)
    expect(() => read('new')).toThrow('ENOENT')
  })

  test('exports the project of the directory, or the one that is given, whatever it is called', async () => {
    await imported(url, 'port,project,service\n5000,nginx,www\n')
    const { exported } = byTemplate('{% for p in projects %}{{ p.name }} {% endfor %}', {
      'ports.json': { project: 'homelab', services: {} },
    })
    expect((await exported()).stdout).toBe('homelab \n')
    expect((await exported('nginx')).stdout).toBe('nginx \n')
    expect((await exported('--all')).stdout).toBe('homelab nginx shop shop-api \n')
  })
})
