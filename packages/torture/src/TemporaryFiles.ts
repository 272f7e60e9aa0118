import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CLEANER = fileURLToPath(new URL('processes/cleaner.js', import.meta.url))

/** The run's directories and what else must be gone when it is over, however that comes. */
export class TemporaryFiles {
  home = temporaryDirectory('ports-torture-')
  histories = temporaryDirectory('ports-histories-')
  #marks = [this.home, this.histories]
  #mounts: string[] = []
  #files = [this.home, this.histories]
  #cleaner = spawn(process.execPath, [CLEANER], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })

  constructor() {
    this.#cleaner.stdin.on('error', () => {})
    this.#cleaner.unref()
    this.#tell()
  }

  add({ mount, files = [], mark }: { mount?: string; files?: readonly string[]; mark?: string }) {
    if (mount !== undefined) this.#mounts.push(mount)
    if (mark !== undefined) this.#marks.push(mark)
    this.#files.push(...files)
    this.#tell()
  }

  async clear(keepHistories: boolean) {
    if (keepHistories) this.#files = this.#files.filter((file) => file !== this.histories)
    this.#tell()
    this.#cleaner.stdin.end()
    this.#cleaner.ref()
    await once(this.#cleaner, 'exit')
  }

  #tell() {
    const line = { marks: this.#marks, mounts: this.#mounts, files: this.#files }
    this.#cleaner.stdin.write(`${JSON.stringify(line)}\n`)
  }
}

function temporaryDirectory(prefix: string) {
  const directory = mkdtempSync(join(everyonesTemporaryDirectory(), prefix))
  // So that the server's own account can enter, and the data stay in it, under root too.
  chmodSync(directory, 0o755)
  return directory
}

/** One that the server's account can enter. */
function everyonesTemporaryDirectory() {
  return everyoneCanEnter(tmpdir()) ? tmpdir() : '/tmp'
}

function everyoneCanEnter(directory: string): boolean {
  const parent = dirname(directory)
  const enterable = (statSync(directory).mode & 0o001) !== 0
  return enterable && (parent === directory || everyoneCanEnter(parent))
}
