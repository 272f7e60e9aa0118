import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  CLI,
  cleanEnvironment,
  ended,
  environmentOn,
  portsIn,
  portsOn,
  portsWith,
  tcpServer,
} from '@ports/testkit'
import {
  freshDatabase,
  needs,
  projectDirectory,
  registryHome,
  unmigratedDatabase,
} from '@ports/testkit/vitest'
import { beforeAll, describe, expect, test } from 'vitest'

let url: string
beforeAll(async () => {
  url = await freshDatabase()
  const ports = portsOn(url)
  for (const service of ['web', 'api', 'worker']) await ports('get', 'consilio', service)
  await ports('allocate', 'consilio', 'api', '--protocol', 'udp')
})

/** The completions of the last word by a program on that database. */
async function completed(databaseUrl: string, ...words: string[]): Promise<string[]> {
  const { stdout, stderr, status } = await portsOn(databaseUrl)('complete', '--', ...words)
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return wordsIn(stdout)
}

function wordsIn(stdout: string): string[] {
  return stdout.split('\n').flatMap((line) => (/^:|^$/.test(line) ? [] : [line.split('\t')[0]!]))
}

const PROJECTS = [
  'consilio',
  'health-agent',
  'meta-supervisor',
  'odin',
  'openhorizon',
  'quiculum-monitor',
  'shared-services',
]

describe('completes from the registry', () => {
  test.each([
    ...[
      'get',
      'allocate',
      'move',
      'release',
      'update',
      'list',
      'history',
      'summary',
      'range resize',
      'range delete',
    ],
  ])('the projects for %s', async (command) => {
    expect(await completed(url, ...command.split(' '), '')).toEqual(PROJECTS)
    expect(await completed(url, ...command.split(' '), 'o')).toEqual(['odin', 'openhorizon'])
  })

  test.each(['get', 'allocate', 'move', 'release', 'update', 'history'])(
    'the services for %s',
    async (command) => {
      expect(await completed(url, command, 'consilio', '')).toEqual(['api', 'web', 'worker'])
      expect(await completed(url, command, 'consilio', 'w')).toEqual(['web', 'worker'])
    },
  )

  test.each(['get', 'allocate', 'move', 'release', 'update'])(
    'the services after options of %s',
    async (command) => {
      const options = ['--protocol', 'udp', 'consilio', '--hostname', 'db1']
      expect(await completed(url, command, ...options, 'a')).toEqual(['api'])
    },
  )

  test('the projects for each argument of range delete', async () => {
    expect(await completed(url, 'range', 'delete', 'consilio', 'o')).toEqual([
      'odin',
      'openhorizon',
    ])
    const names = ['consilio', 'health-agent']
    expect(await completed(url, 'range', 'delete', ...names, '')).toEqual(PROJECTS)
  })

  test('the services for each argument of get after the first', async () => {
    expect(await completed(url, 'get', 'consilio', 'api', 'w')).toEqual(['web', 'worker'])
  })

  test.each(['run', 'env'])('the services of the directory for %s', async (command) => {
    const inProject = (files: Record<string, object>) => async (words: string) => {
      const { stdout } = await portsIn(
        projectDirectory(files),
        url,
      )(...['complete', '--', command, ...words.split(' ')])
      return wordsIn(stdout)
    }
    const listed = inProject({
      'ports.json': { project: 'consilio', services: { site: {}, db: {} } },
    })
    expect(await listed('')).toEqual(['db', 'site'])
    expect(await listed('s')).toEqual(['site'])
    expect(await listed('-- s')).toEqual([])
    expect(await listed('db ')).toEqual(command === 'env' ? ['db', 'site'] : [])
    expect(await inProject({ 'package.json': { name: 'consilio' } })('w')).toEqual([
      'web',
      'worker',
    ])
    expect(await inProject({})('')).toEqual([])
    const wrong = inProject({ 'ports.json': { project: 'consilio', colour: 'red' } })
    expect(await wrong('')).toEqual([])
  })

  test('the targets of export, and the projects for each of them and for a template', async () => {
    expect(await completed(url, 'export', 'c')).toEqual(['compose', 'cloudflared', 'caddy'])
    expect(await completed(url, 'export', 'caddy', 'o')).toEqual(['odin', 'openhorizon'])
    expect(await completed(url, 'export', 'compose', 'o')).toEqual(['odin', 'openhorizon'])
  })

  test('nothing for the name of a new range, nor beyond the arguments', async () => {
    expect(await completed(url, 'range', 'create', '')).toEqual([])
    expect(await completed(url, 'list', 'consilio', '')).toEqual([])
    expect(await completed(url, 'allocate', 'consilio', 'api', '')).toEqual([])
    expect(await completed(url, 'get', 'nosuch', '')).toEqual([])
    expect(await completed(url, 'get', '--type', '')).toEqual([])
    expect(await completed(url, 'move', 'consilio', 'web', '')).toEqual([])
    expect(await completed(url, 'reserve', '')).toEqual([])
  })
})

describe('completes no name, and prints no error,', () => {
  test('where the database is down, silent or not migrated', async () => {
    expect(await completed('postgresql://127.0.0.1:1/nothing', 'get', '')).toEqual([])
    await using silent = await tcpServer(() => {})
    expect(await completed(silent.url, 'get', '')).toEqual([])
    expect(await completed(await unmigratedDatabase(), 'get', '')).toEqual([])
    expect(await completed('mysql://nothing', 'get', '')).toEqual([])
  })

  test('where there is no registry yet, and makes none', async () => {
    const home = registryHome()
    const ports = portsWith(cleanEnvironment({ PORTS_HOME: home }))
    const { stdout, stderr, status } = await ports('complete', '--', 'get', '')
    expect({ stdout, stderr, status }).toEqual({ stdout: ':4\n', stderr: '', status: 0 })
    expect(existsSync(home)).toBe(false)
    expect(await ports('db', 'status')).toMatchObject({ status: 1 })
  })
})

/** Runs a script with `ports` on the path. */
function inShell(shell: string, script: string) {
  const directory = projectDirectory({
    ports: `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`,
  })
  chmodSync(join(directory, 'ports'), 0o755)
  const path = `${directory}:${process.env.PATH}`
  return ended(shell, ['-c', script], environmentOn(url, { PATH: path }))
}

describe('in bash', () => {
  const pressTab = (...words: string[]) =>
    inShell(
      'bash',
      `source <(ports completion bash)
       COMP_WORDS=(ports ${words.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${words.length}
       _ports
       echo "\${COMPREPLY[*]}"`,
    )

  test('projects and services are completed', async () => {
    expect(await pressTab('get', '')).toMatchObject({ stdout: `${PROJECTS.join(' ')}\n` })
    expect(await pressTab('get', 'consilio', 'w')).toEqual({
      stdout: 'web worker\n',
      stderr: '',
      status: 0,
    })
  })

  test('file names are not completed, even if there is nothing else', async () => {
    const { stdout } = await inShell('bash', 'source <(ports completion bash); complete -p ports')
    expect(stdout).toBe('complete -F _ports ports\n')
    expect(await pressTab('allocate', 'consilio', 'api', '')).toMatchObject({ stdout: '\n' })
  })
})

describe('in fish', () => {
  test('projects and services are completed, and no file names', async ({ skip }) => {
    needs(skip, 'fish', '--version')
    const offered = (line: string) =>
      inShell('fish', `ports completion fish | source; complete -C '${line}'`)
    expect((await offered('ports get ')).stdout.trim().split(/\s+/)).toEqual(PROJECTS)
    expect((await offered('ports get consilio w')).stdout.trim().split(/\s+/)).toEqual([
      'web',
      'worker',
    ])
    expect((await offered('ports get consilio api ')).stdout).toBe('')
  })
})

describe('in zsh', () => {
  test('projects and services are completed', async ({ skip }) => {
    needs(skip, 'zsh', '--version')
    const { stdout } = await inShell(
      'zsh',
      `compdef() { :; }
       _describe() { print -r -- \${(P)2} }
       source <(ports completion zsh)
       words=(ports get consilio w) CURRENT=4
       _ports`,
    )
    expect(stdout.split(/\s+/).filter(Boolean)).toEqual(['web', 'worker'])
  })
})
