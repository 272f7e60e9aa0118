import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
} from 'node:fs'
import { join } from 'node:path'

const READ_INTERVAL_MS = 100
/** Lines that each refused call or connection adds. */
const OF_CALLS = / (ERROR|DETAIL|HINT|STATEMENT|CONTEXT): |FATAL: {2}(the database system|sorry)/
/** The server writes what each process of a deadlock did in the lines after it. */
const LINES_OF_DEADLOCK = 40
const CHUNK = Buffer.alloc(1 << 20)

/**
 * Counts events in the server's log that callers may not see: calls that met a deadlock are
 * repeated, and a crash loses the statistics. Lines that could not be written to a full disk are
 * missed.
 */
export class ServerLog {
  deadlocks = 0
  fullDisks = 0
  path: string
  #histories: string
  #read = 0
  #rest = ''
  /** The number of lines still to be kept. */
  #keeps = 0

  /** @param histories the directory in which deadlocks.log keeps the details of deadlocks */
  constructor(path: string, histories: string) {
    this.path = path
    this.#histories = histories
    setInterval(() => this.look(), READ_INTERVAL_MS).unref()
  }

  look() {
    const file = opened(this.path)
    if (file === undefined) return
    try {
      // The embedded server truncates a long log when it starts.
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

  /** Returns the last lines about the server itself, without those about calls. */
  lastLines(count: number) {
    if (!existsSync(this.path)) return ''
    const lines = readFileSync(this.path, 'latin1').split('\n')
    return lines
      .filter((line) => !OF_CALLS.test(line))
      .slice(-count)
      .join('\n')
  }

  /** Keeps what the server has written since the start of its log. */
  copyTo(directory: string) {
    if (existsSync(this.path)) copyFileSync(this.path, join(directory, 'server.log'))
  }

  #note(text: string) {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.includes('ERROR:  deadlock detected')) {
        this.deadlocks++
        this.#keeps = LINES_OF_DEADLOCK
      }
      if (this.#keeps-- > 0) appendFileSync(join(this.#histories, 'deadlocks.log'), `${line}\n`)
      if (line.includes('No space left on device')) this.fullDisks++
    }
  }
}

/** Returns undefined if there is no log yet or the directory was removed. */
function opened(path: string) {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
