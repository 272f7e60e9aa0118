// Records checks of all held ports, as concurrent audits of many hosts would: with random verdicts
// and in random order.
//
// node dist/processes/auditor.js '{ "file", "url", "until", "least", "last" }'
import { now, pick } from '../workload.js'
import { History } from './History.js'
import { endWithParent, openStore } from './registry.js'

const AT_ONCE = 4
const VERDICTS = ['listening', 'not-listening', 'unknown'] as const

const { file, url, until, least, last } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const store = await openStore(history, url)
let audits = 0
await Promise.all(Array.from({ length: AT_ONCE }, audit))
process.send?.({ done: audits }, () => process.exit(0))

async function audit() {
  while (now() < until || (audits < least && now() < last)) {
    const { ok } = await history.record({ op: 'audit' }, async () => {
      const { allocations } = await store.list({})
      const checks = allocations.map(({ id }) => ({ allocationId: id, verdict: pick(VERDICTS) }))
      await store.recordChecks(checks.sort(() => Math.random() - 0.5))
      return checks.length
    })
    if (ok !== undefined) audits++
  }
}
