import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ended, portsIn } from '@ports/testkit'
import { projectDirectory, skipBecause, writeFiles } from '@ports/testkit/vitest'
import { beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { parse } from 'yaml'
import { composeSchema } from './composeSchema.js'
import { registryToExport } from './exported.js'

let url: string
beforeAll(async () => {
  url = await registryToExport()
})

const PATH = `${process.env.PATH}:/usr/sbin`

/** Runs a program in a directory, or skips the test if this machine does not have it. */
function programIn({ skip }: TestContext, directory: string, name: string, debianPackage: string) {
  const { error } = spawnSync(name, ['--version'], { env: { PATH, HOME: directory } })
  if (error) skipBecause(skip, `${name} is not here; on Debian: apt-get install ${debianPackage}`)
  return (...args: string[]) => ended(name, args, { PATH, HOME: directory }, directory)
}

/** Exports to files of a directory: the arguments of each by its name. */
async function exportTo(directory: string, files: Readonly<Record<string, readonly string[]>>) {
  for (const [name, args] of Object.entries(files)) {
    const { stderr, status } = await portsIn(directory, url)('export', ...args, '-o', name)
    expect(status, stderr).toBe(0)
  }
}

/** Adds a line in the middle that the format does not have. */
function broken(directory: string, name: string): string {
  const lines = readFileSync(join(directory, name), 'utf8').split('\n')
  return lines.toSpliced(lines.length >> 1, 0, '}}} ][').join('\n')
}

describe('what is exported is accepted by', () => {
  test('caddy, which would not format it otherwise either', async (context) => {
    const directory = projectDirectory({})
    const caddy = programIn(context, directory, 'caddy', 'caddy')
    await exportTo(directory, { Caddyfile: ['caddy'] })
    const validate = ['validate', '--adapter', 'caddyfile', '--config', 'Caddyfile']
    const valid = await caddy(...validate)
    expect(valid.status, valid.stderr).toBe(0)
    const { stdout } = await caddy('fmt', 'Caddyfile')
    expect(stdout).toBe(readFileSync(join(directory, 'Caddyfile'), 'utf8'))
    writeFiles(directory, { Caddyfile: broken(directory, 'Caddyfile') })
    expect((await caddy(...validate)).status).not.toBe(0)
  })

  test('nginx, also if two files of it are included', async (context) => {
    // It binds the ports of a configuration that it tests.
    if (process.getuid?.() !== 0) skipBecause(context.skip, 'nginx -t binds port 80 only as root')
    const directory = projectDirectory({
      'nginx.conf': `
        pid pid;
        error_log stderr;
        events {}
        http {
          access_log off;
          ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path t;`).join(' ')}
          include shop.conf;
          include homelab.conf;
        }`,
    })
    const nginx = programIn(context, directory, 'nginx', 'nginx')
    await exportTo(directory, {
      'shop.conf': ['nginx', 'shop'],
      // nginx looks up the names of upstreams, so these have an address.
      'homelab.conf': ['nginx', '--hostname', 'fd00::7'],
    })
    const check = ['-t', '-p', directory, '-c', join(directory, 'nginx.conf')]
    const valid = await nginx(...check)
    expect(valid.status, valid.stderr).toBe(0)
    expect(valid.stderr).not.toContain('warn')
    writeFiles(directory, { 'shop.conf': broken(directory, 'shop.conf') })
    expect((await nginx(...check)).status).not.toBe(0)
  })

  test('promtool, as a file of targets and in a block of prometheus.yml', async (context) => {
    const directory = projectDirectory({
      'prometheus.yml': `scrape_configs:
  - job_name: files
    file_sd_configs:
      - files: [targets.yml]
  - job_name: block
    static_configs:
      # ports: begin
      # ports: end
`,
    })
    const promtool = programIn(context, directory, 'promtool', 'prometheus')
    await exportTo(directory, { 'targets.yml': ['prometheus'], 'prometheus.yml': ['prometheus'] })
    const check = ['check', 'config', 'prometheus.yml']
    const valid = await promtool(...check)
    expect(valid.status, valid.stderr).toBe(0)
    for (const name of ['targets.yml', 'prometheus.yml']) {
      const content = readFileSync(join(directory, name), 'utf8')
      writeFiles(directory, { [name]: broken(directory, name) })
      expect((await promtool(...check)).status, name).not.toBe(0)
      writeFiles(directory, { [name]: content })
    }
  })

  test('the schema of the Compose Specification', async () => {
    const directory = projectDirectory({
      'base.yaml': 'services: { web: { ports: [{ target: 80, published: 8080, mode: host }] } }',
    })
    await exportTo(directory, {
      'compose.override.yaml': ['compose', 'shop'],
      'long.yaml': ['compose', 'shop', '--file', 'base.yaml'],
    })
    const validate = composeSchema()
    for (const name of ['compose.override.yaml', 'long.yaml']) {
      const document = parse(readFileSync(join(directory, name), 'utf8'), {
        logLevel: 'silent',
      })
      expect(validate(document), JSON.stringify(validate.errors)).toBe(true)
      document.services.web.ports[0] = { colour: 'red' }
      expect(validate(document)).toBe(false)
    }
  })
})
