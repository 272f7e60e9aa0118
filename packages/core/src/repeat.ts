import { PortsError } from './errors.js'
import { onAbort } from './onAbort.js'

const ATTEMPTS = 6
/**
 * The longest first pause. This bound doubles for each further pause, to 1.6 s for all together.
 */
const FIRST_PAUSE_MS = 50
/** After a `BUSY` that took longer than this, another attempt would probably fail too. */
const LONG_WAIT_MS = 2_000
/** No attempt begins after this time. Each may take as long as the store allows. */
const NO_ATTEMPT_AFTER_MS = 30_000

/**
 * Repeats a call that failed with `BUSY`, which changed nothing, after a pause of random length.
 * Makes at most six attempts.
 * @throws what the last attempt threw
 */
export function repeatBusy<Result>(
  call: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  return repeat(call, ({ code }) => code === 'BUSY', signal)
}

/**
 * Repeats a call that is safe to make twice, also if its answer was lost. The next answer replaces
 * the lost one.
 * @throws what the last attempt threw; `OUTCOME_UNKNOWN` when an answer was lost and none came
 * since
 */
export async function repeatIdempotent<Result>(
  call: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  let lost: PortsError | undefined
  const mayBeRepeated = (error: PortsError) => {
    if (error.code === 'OUTCOME_UNKNOWN') lost ??= error
    return error.code === 'BUSY' || isUnanswered(error, lost)
  }
  try {
    return await repeat(call, mayBeRepeated, signal)
  } catch (error) {
    throw error instanceof PortsError && !isUnanswered(error, lost) ? error : (lost ?? error)
  }
}

/** After a lost answer, `DATABASE_UNAVAILABLE` and `BUSY` do not mean that nothing was changed. */
function isUnanswered({ code }: PortsError, lost: PortsError | undefined): boolean {
  if (code === 'OUTCOME_UNKNOWN') return true
  return lost !== undefined && (code === 'DATABASE_UNAVAILABLE' || code === 'BUSY')
}

async function repeat<Result>(
  call: () => Promise<Result>,
  mayBeRepeated: (error: PortsError) => boolean,
  signal: AbortSignal | undefined,
): Promise<Result> {
  const giveUpAt = performance.now() + NO_ATTEMPT_AFTER_MS
  for (let attempt = 1; ; attempt++) {
    const began = performance.now()
    try {
      return await call()
    } catch (error) {
      const again = error instanceof PortsError && mayBeRepeated(error)
      const now = performance.now()
      const waitedInVain =
        error instanceof PortsError && error.code === 'BUSY' && now - began > LONG_WAIT_MS
      const isLast = attempt === ATTEMPTS || now > giveUpAt || waitedInVain
      if (!again || isLast || signal?.aborted) throw error
    }
    // Random, so that calls that collided once do not collide again.
    await pause(Math.random() * FIRST_PAUSE_MS * 2 ** (attempt - 1), signal)
  }
}

/** @throws the signal's reason, at once when it is aborted */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let forget: (() => void) | undefined
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds)
    forget = signal && onAbort(signal, resolve)
  })
  clearTimeout(timer)
  forget?.()
  signal?.throwIfAborted()
}
