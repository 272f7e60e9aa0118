import pg from 'pg'

/**
 * What the registry sends to the server for a call, so that the baseline runs that very statement,
 * whatever it is by then. Of several, the last: the one that does the work.
 * @returns {Promise<{ name: string, text: string, values: unknown[] }>}
 */
export async function recordStatement(call) {
  const sent = []
  const { query } = pg.Client.prototype
  pg.Client.prototype.query = function (config, ...rest) {
    if (config.values) sent.push({ name: config.name, text: config.text, values: config.values })
    return query.call(this, config, ...rest)
  }
  try {
    await call()
  } finally {
    pg.Client.prototype.query = query
  }
  const last = sent.at(-1)
  if (!last) throw new Error('the registry sent no statement with values')
  return last
}

/** The values with one string in them replaced, wherever it stands. */
export function replaceIn(values, from, to) {
  return values.map((value) => {
    if (Array.isArray(value)) return replaceIn(value, from, to)
    return typeof value === 'string' ? value.replaceAll(from, to) : value
  })
}
