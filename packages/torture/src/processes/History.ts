import { openSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { PortsError } from '@ports/core'
import { now } from '../workload.js'

/**
 * The calls of a process and their results. A line is written before each call and after it, each
 * in one write, so that the history survives the death of the process.
 */
export class History {
  acknowledged = 0
  #file
  #name
  #calls = 0
  #lost = new Set<number>()

  constructor(path: string) {
    this.#file = openSync(path, 'a')
    this.#name = basename(path, '.jsonl')
  }

  /**
   * @param call receives a unique name, used as the actor of its events
   * @param kept the part of the result that the checker needs
   * @returns `lost`: an attempt had no reply and may take effect later
   */
  async record<Result>(
    asked: object,
    call: (actor: string) => Promise<Result>,
    kept: (told: Result) => unknown = (told) => told,
  ): Promise<
    { lost: boolean } & ({ ok: Result; error?: undefined } | { ok?: undefined; error: string })
  > {
    const id = this.#calls++
    this.#write({ id, at: now(), ...asked })
    try {
      const ok = await call(`${this.#name}#${id}`)
      // Rounded up, so that a call that starts in the same microsecond is concurrent.
      this.#write({ id, end: now() + 1, ok: kept(ok) })
      this.acknowledged++
      return { ok, lost: this.#lost.delete(id) }
    } catch (error) {
      const code = error instanceof PortsError ? error.code : 'RAW'
      const text = error instanceof PortsError ? error.message : describe(error)
      this.#write({ id, end: now() + 1, error: code, text })
      return { error: code, lost: this.#lost.delete(id) }
    }
  }

  /**
   * Records that an attempt of a call had no reply. The library then makes another attempt.
   * @param actor the name of the call
   */
  noteLost(actor: string | undefined) {
    const id = Number(actor?.split('#')[1])
    if (this.#lost.has(id)) return
    this.#lost.add(id)
    this.#write({ id, lost: true })
  }

  #write(line: object) {
    writeSync(this.#file, `${JSON.stringify(line)}\n`)
  }
}

function describe(error: unknown) {
  const { stack, code, meta } = (error ?? {}) as { stack?: string; code?: string; meta?: unknown }
  return [code, stack ?? error, meta && JSON.stringify(meta)].filter(Boolean).join(' ')
}
