/**
 * What goes wrong, and is right again when `inject` is over.
 * @typedef {object} Fault
 * @property {string} name
 * @property {string} what it is, for `--list`
 * @property {number} weight how often it is chosen, relative to the others
 * @property {() => string | undefined} [missing] why this machine cannot do it, and what it needs
 * @property {'network' | 'small-disk' | 'clock' | 'embedded'} [needs]
 * @property {(scene: Scene) => boolean | Promise<boolean>} inject true if it was done
 *
 * Where it goes wrong.
 * @typedef {object} Scene
 * @property {import('../Workers.mjs').Workers} workers
 * @property {import('../server/Server.mjs').Server} server
 * @property {string | undefined} url as the processes open the registry
 * @property {import('../Network.mjs').Network | undefined} network
 * @property {import('../SmallDisk.mjs').SmallDisk | undefined} smallDisk
 * @property {import('../Clock.mjs').Clock | undefined} clock
 * @property {(ms: number) => Promise<void>} pause shorter where the run ends before
 * @property {() => boolean} isOver
 * @property {((stuck: import('../check/waits.mjs').Stuck) => void) | undefined} noteStuck tells the
 * checker; undefined if more than one fault is chosen
 */

/** @param {number} least @param {number} most */
export function between(least, most) {
  return least + Math.random() * (most - least)
}

/**
 * Where the answer is a row whose value is not false. What the server cannot be asked because it is
 * down is not done: that is a fault already.
 * @param {Promise<Record<string, unknown>[]>} answer
 */
export function happened(answer) {
  return answer.then(
    (rows) => rows.some((row) => Object.values(row)[0]),
    () => false,
  )
}
