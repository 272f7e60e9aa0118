import { beforeEach, describe, expect, it } from 'vitest'
import type { CheckoutRequest } from '../src/CheckoutStore.js'
import { numbers, type Store, shopRange, web } from './shop.js'

const main: CheckoutRequest = {
  projectName: 'shop',
  hostname: 'localhost',
  directory: '/home/ann/shop',
  isLinked: false,
  wanted: 'shop',
}
const linked: CheckoutRequest = {
  ...main,
  directory: '/home/ann/shop-login',
  isLinked: true,
  wanted: 'shop-login',
}

export function describeCheckouts(store: Store) {
  const instanceOf = async (request: CheckoutRequest) =>
    (await store().ensureCheckout(request)).checkout.instance

  describe('ensureCheckout', () => {
    beforeEach(() => store().createRange(shopRange(3000, 3099)))

    it('makes the first directory the primary instance, each time', async () => {
      const first = await store().ensureCheckout(main)
      expect(first).toEqual({
        created: true,
        checkout: {
          projectName: 'shop',
          hostname: 'localhost',
          directory: '/home/ann/shop',
          instance: '',
          createdAt: expect.any(Date),
        },
      })
      expect(await store().ensureCheckout(main)).toEqual({ ...first, created: false })
    })

    it('makes another clone an instance of its own, with the wanted name', async () => {
      await store().ensureCheckout(main)
      const clone = { ...main, directory: '/srv/shop', wanted: 'shop' }
      expect(await instanceOf(clone)).toBe('shop')
      expect(await instanceOf(clone)).toBe('shop')
    })

    it('never makes a linked worktree the primary instance', async () => {
      expect(await instanceOf(linked)).toBe('shop-login')
      expect(await instanceOf(main)).toBe('')
    })

    it('appends a number to a name that is in use', async () => {
      await store().ensureCheckout(linked)
      await store().allocate({ ...web, instance: 'shop-login-2' })
      const other = { ...linked, directory: '/srv/shop-login' }
      expect(await instanceOf(other)).toBe('shop-login-3')
      const long = 'a'.repeat(63)
      const named = (directory: string) => ({ ...linked, directory, wanted: long })
      expect(await instanceOf(named('/srv/a'))).toBe(long)
      expect(await instanceOf(named('/srv/b'))).toBe(`${'a'.repeat(61)}-2`)
    })

    it('distinguishes the directories of each host and each project', async () => {
      await store().createRange({ projectName: 'blog', startPort: 4000, endPort: 4001 })
      for (const request of [
        main,
        { ...main, hostname: 'nas' },
        { ...main, projectName: 'blog' },
      ]) {
        expect(await instanceOf(request)).toBe('')
      }
    })

    it('gives twenty directories that ask at once twenty instances', async () => {
      const instances = await Promise.all(
        numbers(1, 20).map((nth) => instanceOf({ ...main, directory: `/srv/${nth}/shop` })),
      )
      expect(new Set(instances).size).toBe(20)
      expect(instances).toContain('')
    })

    it('gives one directory that asks twenty times at once one instance', async () => {
      await store().ensureCheckout(main)
      const answers = await Promise.all(numbers(1, 20).map(() => store().ensureCheckout(linked)))
      expect(new Set(answers.map(({ checkout }) => checkout.instance)).size).toBe(1)
      expect(answers.filter(({ created }) => created)).toHaveLength(1)
    })

    it('refuses a project without a range', async () => {
      await expect(
        store().ensureCheckout({ ...main, projectName: 'nothing' }),
      ).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' })
    })
  })

  describe('listCheckouts', () => {
    it('lists them by project, host and instance, of all or of one project or host', async () => {
      expect(await store().listCheckouts({})).toEqual([])
      await store().createRange(shopRange(3000, 3099))
      await store().createRange({ projectName: 'blog', startPort: 4000, endPort: 4001 })
      for (const request of [
        linked,
        main,
        { ...main, hostname: 'nas' },
        { ...main, projectName: 'blog' },
      ]) {
        await store().ensureCheckout(request)
      }
      const listed = async (query: { projectName?: string; hostname?: string }) =>
        (await store().listCheckouts(query)).map(
          ({ projectName, hostname, instance }) => `${projectName} ${hostname} ${instance}`,
        )
      const all = ['blog localhost ', 'shop localhost ', 'shop localhost shop-login', 'shop nas ']
      expect(await listed({})).toEqual(all)
      expect(await listed({ projectName: 'shop' })).toEqual(all.slice(1))
      expect(await listed({ hostname: 'nas' })).toEqual(all.slice(3))
    })
  })

  describe('forgetCheckout', () => {
    beforeEach(() => store().createRange(shopRange(3000, 3099)))

    it('forgets a directory, and keeps the ports of its instance', async () => {
      await store().ensureCheckout(linked)
      const port = await store().allocate({ ...web, instance: 'shop-login' })
      expect(await store().forgetCheckout(linked)).toBe(true)
      expect(await store().forgetCheckout(linked)).toBe(false)
      expect(await store().listCheckouts({})).toEqual([])
      expect(await store().getOrAllocate({ ...web, instance: 'shop-login' })).toBe(port)
      expect(await instanceOf({ ...linked, directory: '/srv/shop-login' })).toBe('shop-login-2')
    })

    it('is not needed for a project that is deleted', async () => {
      await store().ensureCheckout(main)
      await store().deleteRange('shop')
      expect(await store().listCheckouts({})).toEqual([])
    })
  })
}
