// FaultyProxy emulates faults on the byte stream: a lost packet is a delay, because TCP sends it
// again. The kernel's emulation (tc netem) is a module that few machines have.
import type { Conditions, CutStage } from '@ports/testkit'
import { between, type Fault, type FaultContext } from './Fault.js'

const CUT_TIMEOUT_MS = 3_000
const LASTS_MS = [1_500, 4_000]

export const network: Fault[] = [
  ...['before', 'during', 'after'].map((stage) => ({
    name: `commit-cut-${stage}`,
    what:
      {
        before:
          'the connection is cut before the server sees the Execute of an allocate or release',
        during: 'the connection is cut while an allocate or release and its commit are in progress',
        after:
          'the connection is cut when the server has committed an allocate or release, and the caller gets no reply',
      }[stage] ?? stage,
    weight: 4,
    needs: 'network' as const,
    inject: ({ proxy }: FaultContext) =>
      proxy?.cutNextWrite(stage as CutStage, CUT_TIMEOUT_MS) ?? false,
  })),
  {
    name: 'network-slow',
    what: 'up to 40 ms for each piece, 20 kB/s',
    weight: 2,
    needs: 'network',
    inject: (context) => degrade(context, { delayMs: 40, bytesPerSecond: 20_000 }),
  },
  {
    name: 'network-lossy',
    what: 'emulated at the stream: stalls of up to 1.5 s as after a lost packet, single bytes, resets',
    weight: 2,
    needs: 'network',
    inject: (context) =>
      degrade(context, { stalls: 0.02, resets: 0.004, pieceBytes: 1, delayMs: 2 }),
  },
  {
    name: 'network-reset',
    what: 'up to ten connections reset at once (RST)',
    weight: 3,
    needs: 'network',
    inject: ({ proxy }) => proxy?.reset(Math.ceil(between(0, 10))) ?? false,
  },
]

async function degrade({ proxy, pause }: FaultContext, conditions: Conditions) {
  const [least = 0, most = 0] = LASTS_MS
  return proxy?.degrade(conditions, pause(between(least, most))) ?? false
}
