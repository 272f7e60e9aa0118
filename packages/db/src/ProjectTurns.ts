import { onAbort, PortsError } from '@ports/core'

/** The most connections of a process that the calls of one project use at a time. */
const MAX_CALLS = 5
/** The same as the pool's timeout for a connection. */
const TURN_TIMEOUT_MS = 10_000

interface Turn {
  readonly waiting: (() => void)[]
  underWay: number
}

/**
 * Limits how many calls of a project hold a connection at a time, so that a project whose calls are
 * stuck leaves connections for the others.
 */
export class ProjectTurns {
  readonly #turns = new Map<string, Turn>()

  /**
   * @throws {PortsError} `BUSY` if the call's turn does not come within 10 s
   * @throws the signal's reason, if it is aborted while the call waits for its turn
   */
  async run<Result>(
    projectName: string,
    signal: AbortSignal | undefined,
    call: () => Promise<Result>,
  ): Promise<Result> {
    const turn = this.#turns.get(projectName) ?? { waiting: [], underWay: 0 }
    this.#turns.set(projectName, turn)
    if (turn.underWay >= MAX_CALLS) await comesUp(turn, projectName, signal)
    else turn.underWay++
    try {
      return await call()
    } finally {
      const next = turn.waiting.shift()
      if (next) next()
      else if (--turn.underWay === 0) this.#turns.delete(projectName)
    }
  }
}

/** Resolves when another call ends and passes its place to this one. */
function comesUp(turn: Turn, projectName: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (reason: unknown) => {
      turn.waiting.splice(turn.waiting.indexOf(begin), 1)
      clearTimeout(timer)
      forget?.()
      reject(reason)
    }
    const begin = () => {
      clearTimeout(timer)
      forget?.()
      resolve()
    }
    const timer = setTimeout(() => leave(crowded(projectName)), TURN_TIMEOUT_MS)
    turn.waiting.push(begin)
    const forget = signal && onAbort(signal, () => leave(signal.reason))
  })
}

function crowded(projectName: string): PortsError {
  return new PortsError(
    'BUSY',
    `This process runs at most ${MAX_CALLS} calls for ${projectName} at a time, and this one waited ` +
      `${TURN_TIMEOUT_MS / 1000} s for its turn. Nothing was changed; try again.`,
    { projectName },
  )
}
