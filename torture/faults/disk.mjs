import { setTimeout as sleep } from 'node:timers/promises'
import { Room } from '../Room.mjs'
import { between } from './Fault.mjs'

const AGAIN_AFTER_MS = 50

/** @type {import('./Fault.mjs').Fault[]} */
export const disk = [
  {
    name: 'disk-full',
    what: 'no byte left on the file system of the server, until one of its writes failed and some seconds more',
    weight: 1,
    missing: Room.missing,
    needs: 'room',
    inject: fillUp,
  },
]

/** @param {import('./Fault.mjs').Scene} scene */
async function fillUp({ room, server, pause, isOver }) {
  if (!room) return false
  let over = false
  const full = (async () => {
    while (!over) {
      await room.fill()
      await sleep(AGAIN_AFTER_MS)
    }
  })()
  let failed = false
  try {
    const giveUpAt = performance.now() + 5_000
    while (!failed && !isOver() && performance.now() < giveUpAt) {
      // Otherwise it would live for a while on segments of its log that it made before.
      failed = await server.query('select pg_switch_wal(), txid_current()').then(
        () => false,
        () => true,
      )
    }
    await pause(between(500, 2_500))
    return failed
  } finally {
    over = true
    await full
    await room.free()
  }
}
