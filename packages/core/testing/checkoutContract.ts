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
          allocationIds: [],
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

    it('records the identity that a directory has when it asks', async () => {
      expect((await store().ensureCheckout(main)).checkout).not.toHaveProperty('identity')
      const known = { ...main, identity: '7:100' }
      expect((await store().ensureCheckout(known)).checkout).toMatchObject({ identity: '7:100' })
      const again = { ...main, identity: '8:200' }
      expect(await store().ensureCheckout(again)).toMatchObject({
        created: false,
        checkout: { instance: '', identity: '8:200' },
      })
      expect((await store().ensureCheckout(main)).checkout).toMatchObject({ identity: '8:200' })
    })

    it('leaves a directory with the identity of one that it replaces that instance', async () => {
      await store().ensureCheckout(main)
      const before = await store().ensureCheckout({ ...linked, identity: '7:100' })
      const moved = { ...linked, directory: '/srv/login', wanted: 'login', identity: '7:100' }
      const replacing = { ...moved, replaces: linked.directory }
      const answers = await Promise.all(
        numbers(1, 20).map(() => store().ensureCheckout(replacing, { actor: 'ann' })),
      )
      for (const answer of answers) {
        expect(answer).toEqual({
          created: false,
          checkout: { ...before.checkout, directory: '/srv/login' },
        })
      }
      expect(await store().listCheckouts({})).toHaveLength(2)
      const { events } = await store().history({ limit: 10 })
      expect(events.filter(({ what }) => what === 'checkout-moved')).toMatchObject([
        {
          actor: 'ann',
          call: 'ensure_checkout',
          projectName: 'shop',
          instance: 'shop-login',
          hostname: 'localhost',
          before: { directory: '/home/ann/shop-login' },
          after: { directory: '/srv/login' },
        },
      ])
    })

    it('lets a directory with another identity replace only that of the primary', async () => {
      await store().ensureCheckout({ ...main, identity: '1:1' })
      await store().ensureCheckout({ ...linked, identity: '2:2' })
      const other = { ...main, directory: '/srv/shop', wanted: 'other', identity: '3:3' }
      expect(await instanceOf({ ...other, replaces: linked.directory })).toBe('other')
      const worktree = { ...linked, directory: '/srv/tree', wanted: 'tree', identity: '4:4' }
      expect(await instanceOf({ ...worktree, replaces: main.directory })).toBe('tree')
      const clone = { ...main, directory: '/srv/clone', identity: '5:5', replaces: main.directory }
      expect(await store().ensureCheckout(clone)).toMatchObject({
        checkout: { instance: '', directory: '/srv/clone', identity: '5:5' },
      })
    })

    it('lets only one of twenty directories replace that of the primary', async () => {
      await store().ensureCheckout(main)
      const instances = await Promise.all(
        numbers(1, 20).map((nth) =>
          instanceOf({ ...main, directory: `/srv/${nth}/shop`, replaces: main.directory }),
        ),
      )
      expect(instances.filter((instance) => instance === '')).toHaveLength(1)
      expect(new Set(instances).size).toBe(20)
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

  describe('noteAllocations', () => {
    beforeEach(() => store().createRange(shopRange(3000, 3099)))

    it('adds live allocations, and forgets those that are released', async () => {
      await store().ensureCheckout(main)
      const idsOf = async () => {
        const { allocations } = await store().list({})
        return allocations.map(({ id }) => id)
      }
      const noted = async () => (await store().listCheckouts({}))[0]?.allocationIds
      for (const serviceName of ['web', 'api', 'db']) await store().ensure({ ...web, serviceName })
      const [first, second, third] = await idsOf()
      await store().noteAllocations(main, [first!])
      await store().release(web)
      await Promise.all([
        store().noteAllocations(main, [second!]),
        store().noteAllocations(main, [third!]),
      ])
      expect(await noted()).toEqual([second, third])
      await store().noteAllocations({ ...main, directory: '/srv/other' }, [second!])
      expect(await store().listCheckouts({})).toHaveLength(1)
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
