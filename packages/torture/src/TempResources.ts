import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { tempDirectory } from '@ports/testkit'

const CLEANER = fileURLToPath(new URL('processes/cleaner.js', import.meta.url))

/**
 * The directories, mounts and processes of a run. A separate process removes them, even if the run
 * is killed.
 */
export class TempResources {
  home = tempDirectory('ports-torture-')
  histories = tempDirectory('ports-histories-')
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
    this.#update()
  }

  add({ mount, files = [], mark }: { mount?: string; files?: readonly string[]; mark?: string }) {
    if (mount !== undefined) this.#mounts.push(mount)
    if (mark !== undefined) this.#marks.push(mark)
    this.#files.push(...files)
    this.#update()
  }

  async clear(keepHistories: boolean) {
    if (keepHistories) this.#files = this.#files.filter((file) => file !== this.histories)
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
