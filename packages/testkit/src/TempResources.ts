import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { tempDirectory } from './home.js'

const CLEANER = fileURLToPath(new URL('cleaner.js', import.meta.url))

/**
 * The directories, mounts and processes of a run. A separate process removes them, even if the run
 * is killed.
 */
export class TempResources {
  #marks: string[] = []
  #mounts: string[] = []
  #files: string[] = []
  #cleaner = spawn(process.execPath, [CLEANER], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })

  constructor() {
    this.#cleaner.stdin.on('error', () => {})
    this.#cleaner.unref()
  }

  /** Creates a directory. A process whose command line contains its path belongs to the run. */
  directory(prefix: string): string {
    const directory = tempDirectory(prefix)
    this.add({ files: [directory], mark: directory })
    return directory
  }

  /** @param mark a text in the command lines of processes that belong to the run */
  add({ mount, files = [], mark }: { mount?: string; files?: readonly string[]; mark?: string }) {
    if (mount !== undefined) this.#mounts.push(mount)
    if (mark !== undefined) this.#marks.push(mark)
    this.#files.push(...files)
    this.#update()
  }

  /** @param kept a directory that is not removed */
  async clear(kept?: string) {
    this.#files = this.#files.filter((file) => file !== kept)
    this.#update()
    this.#cleaner.stdin.end()
    this.#cleaner.ref()
    await once(this.#cleaner, 'exit')
  }

  #update() {
    const line = { marks: this.#marks, mounts: this.#mounts, files: this.#files }
    this.#cleaner.stdin.write(`${JSON.stringify(line)}\n`)
  }
}
