import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** The log before a checkpoint (256 MB), the data, and as much again. */
const SIZE = '640m'
const BLOCK = Buffer.alloc(1 << 20)
/** What tmpfs gives out, at least. Byte after byte, what a server frees meanwhile takes hours. */
const PAGE_BYTES = 4_096

/** A small file system in memory for the server's directory, that can be filled up. */
export class SmallDisk {
  directory: string
  #ballast

  /** @param directory that is made */
  constructor(directory: string) {
    this.directory = directory
    this.#ballast = join(directory, 'ballast')
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

  /** To the last page; again and again, because what the server frees is to be taken, too. */
  async fill() {
    const file = await open(this.#ballast, 'a')
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
    await rm(this.#ballast, { force: true })
  }
}
