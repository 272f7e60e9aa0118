import { openSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { PortsError } from '@ports/core'
import { now } from '../workload.mjs'

/**
 * What a process asked and what it was told: a line before each call and a line after it, in one
 * write each, so that it survives the death of the process.
 */
export class History {
  acknowledged = 0
  #file
  #name
  #calls = 0
  #lost = /** @type {Set<number>} */ (new Set())

  /** @param {string} path */
  constructor(path) {
    this.#file = openSync(path, 'a')
    this.#name = basename(path, '.jsonl')
  }

  /**
   * @template Result
   * @param {object} asked
   * @param {(actor: string) => Promise<Result>} call is given a unique name, for its events
   * @param {(told: Result) => unknown} [kept] what the checker wants to know of the answer
   * @returns {Promise<{ lost: boolean } & ({ ok: Result, error?: undefined } | { ok?: undefined, error: string })>}
   * `lost`: an attempt had no answer, and may take effect later
   */
  async record(asked, call, kept = (told) => told) {
    const id = this.#calls++
    this.#write({ id, at: now(), ...asked })
    try {
      const ok = await call(`${this.#name}#${id}`)
      // Never rounded down: what ends in the same microsecond as another call begins is not before.
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
   * Notes that an attempt of a call had no answer. The library then makes another attempt.
   * @param {string | undefined} actor the name of the call
   */
  noteLost(actor) {
    const id = Number(actor?.split('#')[1])
    if (this.#lost.has(id)) return
    this.#lost.add(id)
    this.#write({ id, lost: true })
  }

  /** @param {object} line */
  #write(line) {
    writeSync(this.#file, `${JSON.stringify(line)}\n`)
  }
}

/** @param {unknown} error */
function describe(error) {
  const { stack, code, meta } = /** @type {any} */ (error ?? {})
  return [code, stack ?? error, meta && JSON.stringify(meta)].filter(Boolean).join(' ')
}
