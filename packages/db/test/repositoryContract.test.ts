import { describeRepositoryContract } from '@ports/core/testing'
import { emptyDatabase } from '../../../test/database.js'
import { openRepository } from '../src/index.js'

describeRepositoryContract('the repository in PostgreSQL', async () =>
  openRepository({ url: await emptyDatabase() }),
)
