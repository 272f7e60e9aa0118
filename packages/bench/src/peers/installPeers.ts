import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const MANIFEST = fileURLToPath(new URL('../../peers/package.json', import.meta.url))
/** Ignored by Git, and removed with node_modules. */
const DIRECTORY = fileURLToPath(
  new URL(`../../node_modules/.cache/peers-${process.version}`, import.meta.url),
)

/**
 * Installs the peers from npm in a directory of their own, without their install scripts, unless they
 * are there already. One of them needs SQLite, whose package would download a binary. It is compiled
 * here instead, which takes most of a minute.
 */
export async function installPeers(signal: AbortSignal) {
  const installed = join(DIRECTORY, 'package.json')
  const manifest = readFileSync(MANIFEST, 'utf8')
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== manifest) {
    rmSync(DIRECTORY, { recursive: true, force: true })
    mkdirSync(DIRECTORY, { recursive: true })
    writeFileSync(installed, manifest)
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error']
    await run('npm', ['install', '--prefix', DIRECTORY, ...options], { signal }).catch((error) => {
      rmSync(installed)
      throw error
    })
  }
  const sqliteMissing = await compileSqlite(signal).then(
    () => undefined,
    (error) => {
      if (signal.aborted) throw error
      return lastLine(`${error.stderr ?? ''}`) ?? error.message
    },
  )
  return { directory: DIRECTORY, sqliteMissing }
}

async function compileSqlite(signal: AbortSignal) {
  const directory = join(DIRECTORY, 'node_modules/sqlite3')
  if (existsSync(join(directory, 'build/Release/node_sqlite3.node'))) return
  const { stdout } = await run('npm', ['root', '--global'], { signal })
  const nodeGyp = join(stdout.trim(), 'npm/node_modules/node-gyp/bin/node-gyp.js')
  const installation = dirname(dirname(process.execPath))
  // Otherwise, node-gyp downloads the headers from Node's site.
  const headers = existsSync(join(installation, 'include/node/node_version.h'))
    ? ['--nodedir', installation]
    : []
  await run(process.execPath, [nodeGyp, 'rebuild', '--jobs', 'max', ...headers], {
    cwd: directory,
    maxBuffer: Infinity,
    signal,
  })
}

function lastLine(text: string) {
  return text
    .trim()
    .split('\n')
    .findLast((line) => line !== '' && !/^gyp ERR! (System|command|cwd|node |not ok)/.test(line))
}
