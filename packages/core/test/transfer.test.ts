import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { PortManager } from '../src/PortManager.js'
import type { RegistryDocument } from '../src/transfer/RegistryDocument.js'
import { RecordingStore } from './recordingStore.js'

const SCHEMA = JSON.parse(readFileSync(new URL('../registry.schema.json', import.meta.url), 'utf8'))
const isDocument = new Ajv2020({ formats: { 'date-time': true } }).compile(SCHEMA)

const AT = '2026-11-27T00:00:00.000+00:00'
const allocation = {
  id: 7,
  projectName: 'shop',
  serviceName: 'web',
  instance: '',
  hostname: 'localhost',
  protocol: 'tcp' as const,
  portNumber: 3000,
  status: 'allocated' as const,
  ordinal: 1,
  allocatedAt: AT,
}
const checkout = {
  projectName: 'shop',
  hostname: 'localhost',
  directory: '/srv/shop',
  instance: '',
  createdAt: AT,
}
const event = {
  id: 9,
  occurredAt: AT,
  roleName: 'ports_caller',
  call: 'allocate_port',
  what: 'allocated',
  projectName: 'shop',
}
const reservation = { startPort: 3008, endPort: 3009, reason: 'a migration', createdAt: AT }
const resting = {
  projectName: 'shop',
  serviceName: 'old',
  instance: '',
  hostname: 'localhost',
  protocol: 'tcp',
  portNumber: 3007,
  restsUntil: AT,
} as const
const document: RegistryDocument = {
  format: 'ports-registry',
  version: 1,
  takenAt: AT,
  projects: [{ projectName: 'shop', settings: {}, createdAt: AT, restSeconds: 3600 }],
  ranges: [
    { projectName: 'shop', startPort: 3000, endPort: 3009, createdAt: AT },
    { projectName: 'shop', startPort: 8096, endPort: 8096, hostname: 'nas', createdAt: AT },
  ],
  checkouts: [checkout],
  reservations: [reservation],
  limits: [{ actor: 'claude*', maxPorts: 5 }],
  allocations: [allocation],
  resting: [resting],
  events: [event],
}

describe('a document', () => {
  it('that is right is loaded as it is', async () => {
    const store = new RecordingStore()
    await new PortManager(store.repository).load(document)
    expect(store.calls).toEqual([['load', document, expect.anything()]])
    expect(isDocument(document)).toBe(true)
  })

  it.each<[string, object]>([
    ['document.format', { ...document, format: 'ports' }],
    ['document.version', { ...document, version: 2 }],
    ['document.takenAt', { ...document, takenAt: 3 }],
    ['events', { ...document, events: {} }],
    ['ranges[0]', { ...document, ranges: [3000] }],
    [
      'projects[0].settings',
      { ...document, projects: [{ ...document.projects[0], settings: 'x' }] },
    ],
    ['ranges[0].endPort', { ...document, ranges: [{ ...document.ranges[0], endPort: 65_536 }] }],
    ['checkouts', { ...document, checkouts: {} }],
    ['checkouts[0].directory', { ...document, checkouts: [{ ...checkout, directory: 'srv' }] }],
    ['checkouts[0].identity', { ...document, checkouts: [{ ...checkout, identity: '' }] }],
    [
      'checkouts[0].allocationIds[1]',
      { ...document, checkouts: [{ ...checkout, allocationIds: [7, 0] }] },
    ],
    ['allocations[1].id', { ...document, allocations: [allocation, { ...allocation, id: 0 }] }],
    [
      'allocations[0].status',
      { ...document, allocations: [{ ...allocation, status: 'released' }] },
    ],
    ['allocations[0].color', { ...document, allocations: [{ ...allocation, color: 'red' }] }],
    ['allocations[0].instance', { ...document, allocations: [{ ...allocation, instance: '/' }] }],
    ['events[0].what', { ...document, events: [{ ...event, what: undefined }] }],
  ])('with a wrong %s is refused, and the schema refuses it too', async (field, wrong) => {
    const store = new RecordingStore()
    await expect(
      new PortManager(store.repository).load(wrong as RegistryDocument),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { field },
    })
    expect(store.calls).toEqual([])
    expect(isDocument(JSON.parse(JSON.stringify(wrong)))).toBe(false)
  })
})

describe('a document that contradicts itself', () => {
  const other = { ...allocation, id: 8, serviceName: 'api', portNumber: 3001 }

  it.each<[string, object]>([
    ['projects[1].projectName', { projects: [document.projects[0], document.projects[0]] }],
    ['ranges[0].projectName', { projects: [], checkouts: [], allocations: [] }],
    ['checkouts[0].projectName', { checkouts: [{ ...checkout, projectName: 'blog' }] }],
    ['checkouts[1].directory', { checkouts: [checkout, { ...checkout, instance: 'two' }] }],
    ['checkouts[1].instance', { checkouts: [checkout, { ...checkout, directory: '/srv/two' }] }],
    ['ranges[0].endPort', { ranges: [{ ...document.ranges[0], endPort: 2999 }], allocations: [] }],
    ['allocations[1].id', { allocations: [allocation, { ...other, id: 7 }] }],
    ['allocations[1].portNumber', { allocations: [allocation, { ...other, portNumber: 3000 }] }],
    ['allocations[1].ordinal', { allocations: [allocation, { ...other, serviceName: 'web' }] }],
    ['allocations[0].portNumber', { allocations: [{ ...allocation, portNumber: 3010 }] }],
    ['allocations[0].portNumber', { allocations: [{ ...allocation, portNumber: 8096 }] }],
    ['allocations[0].hostname', { allocations: [{ ...allocation, hostname: '127.0.0.1' }] }],
    ['allocations[0].hostname', { allocations: [{ ...allocation, hostname: 'NAS' }] }],
    ['allocations[0].id', { allocations: [{ ...allocation, id: 2 ** 53 - 1 }] }],
    ['allocations[0].ordinal', { allocations: [{ ...allocation, ordinal: 2 ** 31 }] }],
    [
      'allocations[0].allocatedAt',
      { allocations: [{ ...allocation, allocatedAt: '2026-02-30T00:00:00Z' }] },
    ],
    ['events[1].id', { events: [event, event] }],
    ['events[0].what', { events: [{ ...event, what: 'weird' }] }],
    ['extra', { extra: [] }],
  ])('is refused for its %s', async (field, change) => {
    const store = new RecordingStore()
    const wrong = { ...document, ...change }
    await expect(new PortManager(store.repository).load(wrong)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { field },
    })
    expect(store.calls).toEqual([])
  })
})

describe('rows to import', () => {
  const row = { projectName: 'shop', serviceName: 'web', portNumber: 3000 }

  it.each<[string, unknown]>([
    ['rows', { ...row }],
    ['rows[1]', [row, 3000]],
    ['rows[1].portNumber', [row, { ...row, portNumber: '3000' }]],
    ['rows[0].projectName', [{ ...row, projectName: '@acme/web' }]],
    ['rows[0].hostname', [{ ...row, hostname: '0.0.0.0' }]],
    ['rows[0].description', [{ ...row, description: 'a'.repeat(1001) }]],
    ['rows', Array(10_001).fill(row)],
  ])('are refused by a wrong %s, before the store is asked', async (field, rows) => {
    const store = new RecordingStore()
    await expect(new PortManager(store.repository).import(rows as [])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { field },
    })
    expect(store.calls).toEqual([])
  })
})
