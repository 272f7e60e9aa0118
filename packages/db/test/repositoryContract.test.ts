import { describeRepositoryContract } from '@ports/core/testing'
import { emptyAgain, emptyDatabase } from '@ports/testkit/vitest'
import { beforeAll } from 'vitest'
import { grantAccess, openRepository } from '../src/index.js'
import { passTime } from './passTime.js'
import { actingAs, newRole } from './roles.js'

let url = ''
let role = ''
beforeAll(async () => {
  url = await emptyDatabase()
  role = await newRole(url)
  await grantAccess(role, 'admin', { url })
})

// With the rights that callers of the embedded registry have. Other tests use the owner's.
describeRepositoryContract(
  'the repository in PostgreSQL, for a role with admin',
  async () => {
    await emptyAgain(url)
    return openRepository({ url: actingAs(url, role) })
  },
  (seconds) => passTime(url, seconds),
)
