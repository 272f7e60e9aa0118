import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'

const LOOKS_EVERY_MS = 100
/** The lines that each refused call or connection adds. */
const OF_CALLS = / (ERROR|DETAIL|HINT|STATEMENT|CONTEXT): |FATAL: {2}(the database system|sorry)/
const CHUNK = Buffer.alloc(1 << 20)

/**
 * How often the server's log says what nobody may be told: a call that met a deadlock is repeated,
 * and the statistics are lost in a crash. What it could not write, on a full disk, is missed.
 */
export class ServerLog {
  deadlocks = 0
  fullDisks = 0
  path: string
  #read = 0
  #rest = ''

  constructor(path: string) {
    this.path = path
    setInterval(() => this.look(), LOOKS_EVERY_MS).unref()
  }

  look() {
    const file = opened(this.path)
    if (file === undefined) return
    try {
      // The embedded server begins a long one anew when it starts.
      if (fstatSync(file).size < this.#read) {
        this.#read = 0
        this.#rest = ''
      }
      for (;;) {
        const length = readSync(file, CHUNK, 0, CHUNK.length, this.#read)
        if (length === 0) return
        this.#read += length
        this.#note(CHUNK.toString('latin1', 0, length))
      }
    } finally {
      closeSync(file)
    }
  }

  /** The last lines about the server itself, without those about calls. */
  lastLines(count: number) {
    if (!existsSync(this.path)) return ''
    const lines = readFileSync(this.path, 'latin1').split('\n')
    return lines
      .filter((line) => !OF_CALLS.test(line))
      .slice(-count)
      .join('\n')
  }

  #note(text: string) {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.includes('ERROR:  deadlock detected')) this.deadlocks++
      if (line.includes('No space left on device')) this.fullDisks++
    }
  }
}

/** Undefined where nothing was said yet, or the directory was removed. */
function opened(path: string) {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
