import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const MANIFEST = fileURLToPath(new URL('package.json', import.meta.url))
/** Git does not know it, and it goes with node_modules. */
const DIRECTORY = fileURLToPath(
  new URL(`../../node_modules/.cache/bench-peers-${process.version}`, import.meta.url),
)

/**
 * The peers from npm, in a directory of their own, without their install scripts; what is there
 * already stays. One of them needs SQLite, which its package would fetch as a binary from elsewhere:
 * it is compiled here instead, which takes most of a minute.
 * @returns {Promise<{ directory: string, sqliteMissing?: string }>}
 */
export async function installPeers(signal) {
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
  try {
    await compileSqlite(signal)
    return { directory: DIRECTORY }
  } catch (error) {
    if (signal.aborted) throw error
    return {
      directory: DIRECTORY,
      sqliteMissing: lastLine(`${error.stderr ?? ''}`) ?? error.message,
    }
  }
}

async function compileSqlite(signal) {
  const directory = join(DIRECTORY, 'node_modules/sqlite3')
  if (existsSync(join(directory, 'build/Release/node_sqlite3.node'))) return
  const { stdout } = await run('npm', ['root', '--global'], { signal })
  const nodeGyp = join(stdout.trim(), 'npm/node_modules/node-gyp/bin/node-gyp.js')
  const installation = dirname(dirname(process.execPath))
  // Without them node-gyp fetches the headers from Node's own site.
  const headers = existsSync(join(installation, 'include/node/node_version.h'))
    ? ['--nodedir', installation]
    : []
  await run(process.execPath, [nodeGyp, 'rebuild', '--jobs', 'max', ...headers], {
    cwd: directory,
    maxBuffer: 64 * 1024 * 1024,
    signal,
  })
}

function lastLine(text) {
  return text
    .trim()
    .split('\n')
    .findLast((line) => line !== '' && !/^gyp ERR! (System|command|cwd|node |not ok)/.test(line))
}
