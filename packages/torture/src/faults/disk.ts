import { setTimeout as sleep } from 'node:timers/promises'
import { type Server, SmallDisk } from '@ports/testkit'
import { between, type Fault, type FaultContext } from './Fault.js'

const RETRY_INTERVAL_MS = 50
const ANSWER_TIMEOUT_MS = 5_000
const NEEDS_SPACE = `create temporary table filler as
  select repeat('x', 1000) from generate_series(1, 10000)`

export const disk: Fault[] = [
  {
    name: 'disk-full',
    what: 'no space left on the file system of the server, until it reports that, and for some seconds more',
    weight: 1,
    missing: SmallDisk.missing,
    needs: 'small-disk',
    inject: fillUp,
  },
]

async function fillUp({ smallDisk, server, log, pause, isOver }: FaultContext) {
  if (!smallDisk) return false
  // On a busy machine, filling takes longer than the time that the server then has to notice.
  await smallDisk.fill()
  let over = false
  const full = (async () => {
    while (!over) {
      await smallDisk.fill()
      await sleep(RETRY_INTERVAL_MS)
    }
  })()
  log.look()
  const before = log.fullDisks
  let failed = false
  try {
    const giveUpAt = performance.now() + 5_000
    while (!failed && !isOver() && performance.now() < giveUpAt) {
      // This forces the server to need a new WAL segment.
      failed = await meetsFullDisk(server, 'select pg_switch_wal(), txid_current()')
      await sleep(RETRY_INTERVAL_MS)
    }
    // The server may reuse WAL segments.
    failed ||= await meetsFullDisk(server, NEEDS_SPACE)
    await pause(between(500, 2_500))
    log.look()
    return failed || log.fullDisks > before
  } finally {
    over = true
    await full
    await smallDisk.free()
  }
}

/** Returns false after a timeout, because a server that hangs must not keep the disk full. */
function meetsFullDisk(server: Server, text: string) {
  const answer = server.query(text).then(() => false, isFullDisk)
  return Promise.race([answer, sleep(ANSWER_TIMEOUT_MS, false)])
}

function isFullDisk({ code, message }: { code?: string; message: string }) {
  return code === '53100' || message.includes('No space left on device')
}
