import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Room for the WAL before a checkpoint (256 MB), the data, and as much again. */
const SIZE = '640m'
const BLOCK = Buffer.alloc(1 << 20)
/**
 * The allocation unit of tmpfs. Writing single bytes would take hours while the server frees space.
 */
const PAGE_BYTES = 4_096

/** A small in-memory file system for the directory of the server. It can be filled up. */
export class SmallDisk {
  directory: string
  #filler

  /** @param directory is created */
  constructor(directory: string) {
    this.directory = directory
    this.#filler = join(directory, 'filler')
    mkdirSync(directory)
    execFileSync('mount', [
      '-t',
      'tmpfs',
      '-o',
      `size=${SIZE},mode=0755`,
      'ports-torture',
      directory,
    ])
  }

  static missing() {
    if (process.platform !== 'linux') return 'needs Linux, for a small tmpfs'
    if (process.getuid?.() !== 0) return 'needs root, to mount a small tmpfs: run it with sudo'
    return undefined
  }

  /** Fills the disk to the last page. Callers repeat this because the server frees space. */
  async fill() {
    const file = await open(this.#filler, 'a')
    try {
      for (let block = BLOCK; block.length >= PAGE_BYTES; ) {
        try {
          await file.write(block)
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
          block = block.subarray(0, block.length >> 1)
        }
      }
    } finally {
      await file.close()
    }
  }

  async free() {
    await rm(this.#filler, { force: true })
  }
}
