import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { CLI, environmentOn } from '@ports/testkit'
import { freshDatabase, projectDirectory, skipBecause } from '@ports/testkit/vitest'
import { expect, onTestFinished, test, vi } from 'vitest'
import { PROJECTS, type Project } from './projects.js'

/** Keeps the programs from asking questions, opening a browser and sending telemetry. */
const QUIET = {
  ASTRO_TELEMETRY_DISABLED: '1',
  BROWSER: 'none',
  CI: '1',
  NEXT_TELEMETRY_DISABLED: '1',
  NG_CLI_ANALYTICS: 'false',
  NUXT_TELEMETRY_DISABLED: '1',
  STORYBOOK_DISABLE_TELEMETRY: '1',
  WRANGLER_SEND_METRICS: 'false',
}

function install(directory: string, packages: readonly string[]): void {
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages]
  const { status, stderr } = spawnSync('npm', args, { cwd: directory, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
}

/** Returns the port on which the program listens, and its output until then. */
async function listening(child: ChildProcess): Promise<{ port: string; said: string }> {
  let said = ''
  // The program writes to both until it ends, so both are read until then.
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text
    })
  }
  const found = () =>
    /^(?:Listening on port|warning: it listens on port) (?<port>\d+)/m.exec(said)?.groups?.port
  await vi.waitUntil(() => found() ?? hasEnded(child), { interval: 100, timeout: 300_000 })
  const port = found()
  if (port === undefined) throw new Error(`It ended, and said only:\n${said}`)
  return { port, said }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

test.for(PROJECTS)('$name listens on its port', async (project: Project, { skip }) => {
  const { name, packages, files, dev, command = [], needs: program = command[0], serves } = project
  if (program !== undefined && !existsSync(program)) {
    skipBecause(skip, `${name}: there is no ${program}`)
  }
  const type = project.isModule ? 'module' : 'commonjs'
  const directory = projectDirectory({
    ...files,
    ...(dev !== undefined && {
      'package.json': { name: 'app', private: true, type, scripts: { dev } },
    }),
    'ports.json': {
      project: 'app',
      services: { web: command.join(' ').includes('$') ? { command: command.join(' ') } : {} },
    },
  })
  if (packages) install(directory, packages)
  const typed = command.length > 0 && !command.join(' ').includes('$') ? ['--', ...command] : []
  const child = spawn(process.execPath, [CLI, 'run', '--strict', 'web', ...typed], {
    cwd: directory,
    env: {
      ...environmentOn(await freshDatabase(), QUIET),
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => end(child))
  const { port, said } = await listening(child)
  if (serves === undefined) return
  let body = ''
  // Some servers answer before they have compiled the page.
  for (let attempt = 0; attempt < 60 && !body.includes(serves); attempt++) {
    body = await fetch(`http://localhost:${port}/`).then(
      (answer) => answer.text(),
      (error: Error) => error.message,
    )
    if (!body.includes(serves)) await sleep(500)
  }
  expect(body, said).toContain(serves)
})
