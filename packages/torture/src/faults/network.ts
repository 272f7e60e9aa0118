// Network.ts emulates, on the stream of bytes, what a network does to it: a lost packet is a stall,
// since TCP sends it again. The kernel's own emulation (tc netem) is a module that few machines have.
import type { Cut, Weather } from '../Network.js'
import { between, type Fault, type Scene } from './Fault.js'

const PATIENCE_MS = 3_000
const LASTS_MS = [1_500, 4_000]

export const network: Fault[] = [
  ...['before', 'during', 'after'].map((cut) => ({
    name: `commit-cut-${cut}`,
    what:
      {
        before:
          'the connection is cut before the server sees the Execute of an allocate or release',
        during: 'the connection is cut while an allocate or release and its commit are under way',
        after:
          'the connection is cut when the server has committed an allocate or release, and nobody is told',
      }[cut] ?? cut,
    weight: 4,
    needs: 'network' as const,
    inject: ({ network }: Scene) => network?.cutNextWrite(cut as Cut, PATIENCE_MS) ?? false,
  })),
  {
    name: 'network-slow',
    what: 'up to 40 ms for each piece, 20 kB/s',
    weight: 2,
    needs: 'network',
    inject: (scene) => weather(scene, { delayMs: 40, bytesPerSecond: 20_000 }),
  },
  {
    name: 'network-lossy',
    what: 'emulated at the stream: stalls of up to 1.5 s as after a lost packet, single bytes, resets',
    weight: 2,
    needs: 'network',
    inject: (scene) => weather(scene, { stalls: 0.02, resets: 0.004, pieceBytes: 1, delayMs: 2 }),
  },
  {
    name: 'network-reset',
    what: 'up to ten connections reset at once (RST)',
    weight: 3,
    needs: 'network',
    inject: ({ network }) => network?.reset(Math.ceil(between(0, 10))) ?? false,
  },
]

async function weather({ network, pause }: Scene, bad: Weather) {
  const [least = 0, most = 0] = LASTS_MS
  return network?.suffer(bad, pause(between(least, most))) ?? false
}
