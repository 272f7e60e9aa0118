import { describe, expect, it } from 'vitest'
import type { Store } from './shop.js'

const BOOT = '433a3dd3-e2c0-4fa0-ba44-7b54e5be447e'
const NEXT_BOOT = '0f9d1c0a-9a3b-4f0e-8a55-0d2f6a1b7c11'

export function describeNetworks(store: Store) {
  describe('networkOf', () => {
    it('is the namespace of the first caller, and does not change until the machine restarts', async () => {
      expect(await store().networkOf('alpha', `${BOOT}/1`)).toBe(`${BOOT}/1`)
      expect(await store().networkOf('alpha', `${BOOT}/2`)).toBe(`${BOOT}/1`)
      expect(await store().networkOf('alpha', `${BOOT}/1`)).toBe(`${BOOT}/1`)
    })

    it('is the same for concurrent callers', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, nth) => store().networkOf('alpha', `${BOOT}/${nth}`)),
      )
      expect(new Set(answers).size).toBe(1)
    })

    it('is kept for each host', async () => {
      expect(await store().networkOf('alpha', `${BOOT}/1`)).toBe(`${BOOT}/1`)
      expect(await store().networkOf('beta', `${BOOT}/2`)).toBe(`${BOOT}/2`)
    })

    it('is another one after a restart of the machine, which ended the previous one', async () => {
      await store().networkOf('alpha', `${BOOT}/1`)
      expect(await store().networkOf('alpha', `${NEXT_BOOT}/2`)).toBe(`${NEXT_BOOT}/2`)
    })

    it('stays the initial namespace after a call from there', async () => {
      await store().networkOf('alpha', `${BOOT}/1`)
      expect(await store().networkOf('alpha', 'initial')).toBe('initial')
      for (const network of [`${BOOT}/1`, `${NEXT_BOOT}/1`, 'initial']) {
        expect(await store().networkOf('alpha', network)).toBe('initial')
      }
    })
  })

  describe('assumedNetworkOf', () => {
    it('is the namespace of each caller while none is known', async () => {
      for (const network of [`${BOOT}/1`, `${BOOT}/2`]) {
        expect(await store().assumedNetworkOf('alpha', network)).toBe(network)
      }
      expect(await store().networkOf('alpha', `${BOOT}/3`)).toBe(`${BOOT}/3`)
    })

    it('is the known namespace unless the machine was restarted', async () => {
      await store().networkOf('alpha', `${BOOT}/1`)
      expect(await store().assumedNetworkOf('alpha', `${BOOT}/2`)).toBe(`${BOOT}/1`)
      expect(await store().assumedNetworkOf('beta', `${BOOT}/2`)).toBe(`${BOOT}/2`)
      expect(await store().assumedNetworkOf('alpha', `${NEXT_BOOT}/2`)).toBe(`${NEXT_BOOT}/2`)
      await store().networkOf('alpha', 'initial')
      expect(await store().assumedNetworkOf('alpha', `${NEXT_BOOT}/2`)).toBe('initial')
    })
  })
}
