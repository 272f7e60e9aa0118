export * from '@ports/core'
export * from '@ports/db'
