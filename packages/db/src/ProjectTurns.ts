import { onAbort, PortsError } from '@ports/core'

/** Of the connections of a process, so many can be of use to one project at a time. */
const MAX_CALLS = 5
/** As long as a call waits for a connection. */
const TURN_TIMEOUT_MS = 10_000

interface Turn {
  readonly waiting: (() => void)[]
  underWay: number
}

/**
 * Lets only a few calls of a project hold a connection at a time, so that a project whose calls are
 * stuck leaves connections to the others.
 */
export class ProjectTurns {
  readonly #turns = new Map<string, Turn>()

  /**
   * @throws {PortsError} `BUSY` when the call's turn does not come
   * @throws the signal's reason, while the call waits for its turn
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

/** The one who ends hands its place on. */
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
    `${MAX_CALLS} other calls of this process for ${projectName} did not end. Nothing was changed; ` +
      'try again.',
    { projectName },
  )
}
