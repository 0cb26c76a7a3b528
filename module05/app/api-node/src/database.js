import { setTimeout as sleep } from 'node:timers/promises'

import pg from 'pg'

const connectTimeout = 3_000

// The pool connects when it is asked for the first time. So the program starts without its database, and finds it
// when it comes.
export function createDatabase(connectionString, log) {
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: connectTimeout })

  // When the database stops, idle connections die. The pool replaces them; but without a handler, Node would end
  // the program.
  pool.on('error', (error) => log.warn({ error: describe(error) }, 'an idle database connection ended'))

  return {
    // The time by the clock of the database. The limit, in milliseconds, includes connecting.
    async now(limit) {
      const timer = new AbortController()
      try {
        const { rows } = await Promise.race([
          pool.query({ text: 'SELECT now()', query_timeout: limit }),
          sleep(limit, undefined, { signal: timer.signal }).then(() => {
            throw new Error(`no answer within ${limit / 1000}s`)
          }),
        ])
        return rows[0].now
      } catch (error) {
        throw new Error(describe(error), { cause: error })
      } finally {
        timer.abort()
      }
    },

    close: () => pool.end(),
  }
}

// A host name with several addresses gives one error for each address, and a message in these only.
function describe(error) {
  return error instanceof AggregateError ? error.errors.map(describe).join(', ') : error.message
}
