import { setTimeout as sleep } from 'node:timers/promises'
import { SmallDisk } from '../SmallDisk.js'
import type { Server } from '../server/Server.js'
import { between, type Fault, type Scene } from './Fault.js'

const AGAIN_AFTER_MS = 50
const ANSWERS_WITHIN_MS = 5_000
const NEEDS_SPACE = `create temporary table filler as
  select repeat('x', 1000) from generate_series(1, 10000)`

export const disk: Fault[] = [
  {
    name: 'disk-full',
    what: 'no byte left on the file system of the server, until it said so and some seconds more',
    weight: 1,
    missing: SmallDisk.missing,
    needs: 'small-disk',
    inject: fillUp,
  },
]

async function fillUp({ smallDisk, server, pause, isOver }: Scene) {
  if (!smallDisk) return false
  // On a busy machine this takes longer than the server is then given to notice.
  await smallDisk.fill()
  let over = false
  const full = (async () => {
    while (!over) {
      await smallDisk.fill()
      await sleep(AGAIN_AFTER_MS)
    }
  })()
  server.log.look()
  const before = server.log.fullDisks
  let failed = false
  try {
    const giveUpAt = performance.now() + 5_000
    while (!failed && !isOver() && performance.now() < giveUpAt) {
      // Otherwise it would live for a while on segments of its log that it made before.
      failed = await meetsFullDisk(server, 'select pg_switch_wal(), txid_current()')
      await sleep(AGAIN_AFTER_MS)
    }
    // The server may keep reusing the segments of its log.
    failed ||= await meetsFullDisk(server, NEEDS_SPACE)
    await pause(between(500, 2_500))
    server.log.look()
    return failed || server.log.fullDisks > before
  } finally {
    over = true
    await full
    await smallDisk.free()
  }
}

/**
 * False after a while without an answer: a server that hangs must not keep the disk full for good.
 */
function meetsFullDisk(server: Server, text: string) {
  const answer = server.query(text).then(() => false, isFullDisk)
  return Promise.race([answer, sleep(ANSWERS_WITHIN_MS, false)])
}

function isFullDisk({ code, message }: { code?: string; message: string }) {
  return code === '53100' || message.includes('No space left on device')
}
