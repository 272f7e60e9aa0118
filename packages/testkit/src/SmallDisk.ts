import { spawnSync } from 'node:child_process'
import { mkdirSync, statfsSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'

const BLOCK = Buffer.alloc(1 << 20)

/** A small in-memory file system. It can be filled up. */
export class SmallDisk {
  readonly directory: string
  readonly #filler: string

  /** @param directory is created if it does not exist */
  constructor(directory: string, megabytes: number) {
    this.directory = directory
    this.#filler = join(directory, 'filler')
    mkdirSync(directory, { recursive: true })
    run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'ports-small-disk', directory)
  }

  static missing() {
    if (process.platform !== 'linux') return 'needs Linux, for a small tmpfs'
    if (process.getuid?.() !== 0) return 'needs root, to mount a small tmpfs: run it with sudo'
    return undefined
  }

  /** Fills the disk. A server may free space meanwhile, so callers repeat this. */
  async fill(bytesLeft = 0): Promise<void> {
    const { bavail, bsize } = statfsSync(this.directory)
    let rest = bavail * bsize - bytesLeft
    const file = await open(this.#filler, 'a')
    try {
      while (rest > 0) {
        const { bytesWritten } = await file.write(BLOCK, 0, Math.min(BLOCK.length, rest))
        rest -= bytesWritten
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    } finally {
      await file.close()
    }
  }

  async free(): Promise<void> {
    await rm(this.#filler, { force: true })
  }

  /** Allows writes or refuses them. */
  remount(mode: 'ro' | 'rw'): void {
    run('mount', '-o', `remount,${mode}`, this.directory)
  }

  /** Unmounts it once no process uses it. A server that was killed may take a moment to end. */
  unmount(): void {
    run('umount', '--lazy', this.directory)
  }
}

function run(command: string, ...args: string[]): void {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw error ?? new Error(stderr.trim())
}
