import { onAbort, PortsError } from '@ports/core'

/** Of the connections that the other projects leave, one project has at most this share. */
const SHARE = 0.7
/** As long as a call waits for a connection. */
const PATIENCE_MS = 10_000

interface Lane {
  readonly waiting: (() => void)[]
  underWay: number
}

/**
 * Lets no project take all connections of a process: where somebody keeps the rows of one locked,
 * its calls wait for them on their connections, and those of the others need connections meanwhile.
 */
export class ProjectLanes {
  readonly #connections: number
  readonly #lanes = new Map<string, Lane>()
  #underWay = 0
  #waiting = 0

  constructor(connections: number) {
    this.#connections = connections
  }

  /** @throws {PortsError} `BUSY` where the project's other calls do not end in time */
  async run<Answer>(
    projectName: string,
    signal: AbortSignal | undefined,
    call: () => Promise<Answer>,
  ): Promise<Answer> {
    const lane = this.#lanes.get(projectName) ?? { waiting: [], underWay: 0 }
    this.#lanes.set(projectName, lane)
    if (this.#isFull(lane)) await this.#turn(projectName, lane, signal)
    else this.#start(lane)
    try {
      return await call()
    } finally {
      lane.underWay--
      this.#underWay--
      this.#forgetIfIdle(projectName, lane)
      if (this.#waiting > 0) this.#startWaiting()
    }
  }

  #isFull({ underWay }: Lane): boolean {
    const left = this.#connections - (this.#underWay - underWay)
    return underWay >= Math.max(1, Math.floor(SHARE * left))
  }

  #start(lane: Lane): void {
    lane.underWay++
    this.#underWay++
  }

  #startWaiting(): void {
    for (const lane of this.#lanes.values()) {
      while (lane.waiting.length > 0 && !this.#isFull(lane)) {
        this.#start(lane)
        this.#waiting--
        lane.waiting.shift()!()
      }
    }
  }

  #forgetIfIdle(projectName: string, lane: Lane): void {
    if (lane.underWay === 0 && lane.waiting.length === 0) this.#lanes.delete(projectName)
  }

  async #turn(projectName: string, lane: Lane, signal: AbortSignal | undefined): Promise<void> {
    let forget: (() => void) | undefined
    let timer: NodeJS.Timeout | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        const giveUp = (reason: unknown) => {
          const place = lane.waiting.indexOf(resolve)
          if (place === -1) return
          lane.waiting.splice(place, 1)
          this.#waiting--
          reject(reason)
        }
        lane.waiting.push(resolve)
        this.#waiting++
        timer = setTimeout(() => giveUp(busy(projectName)), PATIENCE_MS)
        forget = signal && onAbort(signal, () => giveUp(signal.reason))
      })
    } finally {
      clearTimeout(timer)
      forget?.()
    }
  }
}

function busy(projectName: string): PortsError {
  return new PortsError(
    'BUSY',
    `Other calls for ${projectName} wait for the database. Nothing was changed; try again.`,
  )
}
