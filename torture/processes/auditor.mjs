// Records checks of all held ports, as concurrent audits of many hosts would: with random verdicts
// and in random order.
//
// node torture/processes/auditor.mjs '{ "file", "url", "until", "least", "last" }'
import { now, pick } from '../workload.mjs'
import { History } from './History.mjs'
import { endWithParent, openStore } from './registry.mjs'

const AT_ONCE = 4
const VERDICTS = /** @type {const} */ (['listening', 'not-listening', 'unknown'])

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
